import MartletBytes
import Synchronization

/// What a server counts, in the text format of Prometheus.
final class ServerMetrics: Sendable {
  private struct Counts {
    var responses: [Int: Int] = [:]
    var promptTokens = 0
    var completionTokens = 0
    var pictures = 0
    var cancelled = 0
    var seconds: [(stage: String, sum: Double)] = []
    var answers = 0
    var connections = 0
    var waiting = 0
    var bodyBytes = 0
  }

  private let counts = Mutex(Counts())

  func response(_ status: Int) { counts.withLock { $0.responses[status, default: 0] += 1 } }
  func cancelled() { counts.withLock { $0.cancelled += 1 } }
  func setWaiting(_ count: Int) { counts.withLock { $0.waiting = count } }

  /// Takes a connection in; `false` where there are too many.
  func connect(limit: Int) -> Bool {
    counts.withLock { counts in
      if counts.connections >= limit { return false }
      counts.connections += 1
      return true
    }
  }

  func disconnect() { counts.withLock { $0.connections -= 1 } }

  /// Sets bytes of a body aside; `false` where all bodies together would be too large.
  func hold(_ bytes: Int, limit: Int) -> Bool {
    counts.withLock { counts in
      if counts.bodyBytes + bytes > limit { return false }
      counts.bodyBytes += bytes
      return true
    }
  }

  func release(_ bytes: Int) { counts.withLock { $0.bodyBytes -= bytes } }

  func answered(
    prompt: Int, completion: Int, pictures: Int, timings: [(name: String, milliseconds: Double)]
  ) {
    counts.withLock { counts in
      counts.answers += 1
      counts.promptTokens += prompt
      counts.completionTokens += completion
      counts.pictures += pictures
      for (name, milliseconds) in timings {
        if let index = counts.seconds.firstIndex(where: { $0.stage == name }) {
          counts.seconds[index].sum += milliseconds / 1000
        } else {
          counts.seconds.append((name, milliseconds / 1000))
        }
      }
    }
  }

  /// The page of `/metrics`.
  func text() -> String {
    let counts = counts.withLock { $0 }
    var text = ""
    func add(_ name: String, _ kind: String, _ help: String, _ values: [(String, String)]) {
      text += "# HELP martlet_\(name) \(help)\n# TYPE martlet_\(name) \(kind)\n"
      for (labels, value) in values { text += "martlet_\(name)\(labels) \(value)\n" }
    }
    add(
      "responses_total", "counter", "Responses by status.",
      counts.responses.sorted { $0.key < $1.key }.map { ("{status=\"\($0.key)\"}", "\($0.value)") })
    add("answers_total", "counter", "Answers generated to their end.", [("", "\(counts.answers)")])
    add(
      "cancelled_total", "counter", "Answers given up because the client had gone.",
      [("", "\(counts.cancelled)")])
    add("prompt_tokens_total", "counter", "Tokens read.", [("", "\(counts.promptTokens)")])
    add(
      "completion_tokens_total", "counter", "Tokens generated.",
      [("", "\(counts.completionTokens)")])
    add("pictures_total", "counter", "Pictures encoded.", [("", "\(counts.pictures)")])
    add(
      "stage_seconds_total", "counter", "Seconds spent by stage.",
      counts.seconds.map { ("{stage=\"\($0.stage)\"}", "\($0.sum)") })
    add(
      "waiting_requests", "gauge", "Requests waiting for their turn.", [("", "\(counts.waiting)")])
    add("connections", "gauge", "Open connections.", [("", "\(counts.connections)")])
    add("body_bytes", "gauge", "Bytes of bodies held.", [("", "\(counts.bodyBytes)")])
    add(
      "resident_memory_peak_bytes", "gauge", "Most memory the process ever had.",
      [("", "\(Machine.peakResidentBytes)")])
    return text
  }
}
