import MartletBytes

/// How a machine keeps up when it works for minutes: the times of answers, temperature, clock and energy over time.
struct EnduranceBench {
  private let sensors = MachineSensors(processors: Processors.allowed)
  private let start = MonotonicClock.nanoseconds
  private let length: Double
  private let windowCount: Int
  private(set) var windows: [Window] = []
  private var lastReading: MachineSensors.Reading
  private let firstReading: MachineSensors.Reading

  /// A part of the time.
  struct Window {
    /// Seconds after the start at which it ended.
    var end = 0.0
    var firstToken = Samples()
    /// Tokens a second.
    var decode = Samples()
    var reading = MachineSensors.Reading()
    var joules: Double?
    /// Whether the machine said so at the end of one of its answers.
    var wasThrottled = false
  }

  /// - Parameter minutes: after which no further answer begins.
  init(minutes: Double) {
    length = minutes * 60
    windowCount = 10
    firstReading = sensors.reading()
    lastReading = firstReading
  }

  private var seconds: Double { MonotonicClock.milliseconds(since: start) / 1000 }
  var isOver: Bool { seconds >= length }
  /// Of the whole time, 0 to 1.
  var progress: Double { min(1, seconds / length) }

  /// Notes an answer that just ended.
  mutating func add(firstToken: Double, decode: Double?) {
    let now = seconds
    let index = min(windowCount - 1, Int(now / length * Double(windowCount)))
    let boundary = Double(index + 1) * length / Double(windowCount)
    if windows.isEmpty || windows[windows.count - 1].end < boundary - length / 1e6 {
      windows.append(Window(end: boundary))
    }
    let last = windows.count - 1
    let reading = sensors.reading()
    windows[last].firstToken.add(firstToken)
    if let decode { windows[last].decode.add(decode) }
    windows[last].reading = reading
    if reading.isThrottled == true { windows[last].wasThrottled = true }
    if let joules = sensors.joules(from: lastReading, to: reading) {
      windows[last].joules = (windows[last].joules ?? 0) + joules
    }
    lastReading = reading
  }

  /// What this machine does not show.
  var missing: [String] {
    var missing: [String] = []
    if firstReading.celsius == nil { missing.append("temperature") }
    if firstReading.megahertz == nil { missing.append("clock") }
    if firstReading.microjoules.isEmpty { missing.append("energy") }
    if firstReading.isThrottled == nil { missing.append("throttling") }
    return missing
  }

  var json: JSONOutput {
    var json = JSONOutput()
    json.set(
      "windows",
      JSONValue.array(
        windows.map { window in
          var json = JSONOutput()
          json.set("until_s", window.end)
          json.set("answers", window.firstToken.count)
          json.set("first_token_ms_p50", window.firstToken.quantile(0.5))
          json.set("first_token_ms_p95", window.firstToken.quantile(0.95))
          json.set(
            "decode_tokens_per_second_p50",
            window.decode.isEmpty ? .null : .rounded(window.decode.quantile(0.5)))
          json.set(
            "decode_tokens_per_second_p5",
            window.decode.isEmpty ? .null : .rounded(window.decode.quantile(0.05)))
          json.set("celsius", window.reading.celsius.map { .rounded($0) } ?? .null)
          json.set("megahertz", window.reading.megahertz.map { .rounded($0) } ?? .null)
          json.set("joules", window.joules.map { .rounded($0) } ?? .null)
          json.set(
            "throttled", window.reading.isThrottled == nil ? .null : .bool(window.wasThrottled))
          return json.value
        }))
    json.set("not_shown", JSONValue.array(missing.map { .string($0) }))
    return json
  }

  /// One line a window.
  var text: String {
    var lines = [
      "", "over time: first token in ms, decoding in tokens/s",
      "   until  answers       p50       p95    decode      °C     MHz  J/answer",
    ]
    for window in windows {
      let energy = window.joules.map { $0 / Double(max(1, window.firstToken.count)) }
      let cells: [(String, Int)] = [
        (Progress.time(window.end), 8), ("\(window.firstToken.count)", 9),
        (Progress.number(window.firstToken.quantile(0.5)), 10),
        (Progress.number(window.firstToken.quantile(0.95)), 10),
        (window.decode.isEmpty ? "–" : Progress.number(window.decode.quantile(0.5)), 10),
        (window.reading.celsius.map(Progress.number) ?? "–", 8),
        (window.reading.megahertz.map(Progress.number) ?? "–", 8),
        (energy.map(Progress.number) ?? "–", 10),
      ]
      var line = ""
      for (cell, width) in cells {
        line += String(repeating: " ", count: max(1, width - cell.count)) + cell
      }
      lines.append(line + (window.wasThrottled ? "  throttled" : ""))
    }
    if !missing.isEmpty {
      lines.append("this machine does not show: " + missing.joined(separator: ", "))
    }
    return lines.joined(separator: "\n")
  }
}
