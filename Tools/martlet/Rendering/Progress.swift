import Foundation
import MartletBytes

/// A progress bar with rate and time left on a terminal, plain lines elsewhere, nothing when quiet.
final class Progress {
  private let label: String
  private let unit: String
  private let isQuiet: Bool
  private let isTerminal: Bool
  private var start = MonotonicClock.nanoseconds
  /// What was done before the clock started.
  private var base = 0.0
  private var lastShown: Double?
  private var isOpen = false

  init(_ label: String, unit: String, quiet: Bool) {
    self.label = label
    self.unit = unit
    isQuiet = quiet
    isTerminal = isatty(2) != 0
  }

  /// So much was done by an earlier run: rate and time left are those of this one.
  func go(onFrom done: Double) {
    start = MonotonicClock.nanoseconds
    base = done
  }

  /// - Parameter detail: what is being worked on.
  func update(_ done: Double, of total: Double, detail: String = "") {
    if isQuiet { return }
    let seconds = MonotonicClock.milliseconds(since: start) / 1000
    let isLast = done >= total
    // A terminal ten times a second; a log file at the start and every ten seconds.
    let pause = isTerminal ? 0.1 : 10
    if !isLast, let lastShown, seconds - lastShown < pause { return }
    lastShown = seconds
    let share = total > 0 ? min(1, done / total) : 1
    let rate = seconds > 0 ? (done - base) / seconds : 0
    let left = rate > 0 ? (total - done) / rate : 0
    var line = "\(label) \(Int(share * 100)) %"
    line += " · \(Self.number(done)) of \(Self.number(total)) \(unit)"
    line += " · \(Self.number(rate)) \(unit)/s"
    line += isLast ? " · \(Self.time(seconds))" : " · \(Self.time(left)) left"
    if !detail.isEmpty, !isLast { line += " · \(detail)" }
    show(isTerminal ? "\r\u{1B}[K\(Self.bar(share)) \(line)" : line + "\n")
    isOpen = isTerminal && !isLast
    if isTerminal, isLast { show("\n") }
  }

  /// Ends an unfinished bar, so that what follows starts on its own line.
  func close() {
    if isOpen { show("\n") }
    isOpen = false
  }

  private func show(_ text: String) { showOnStandardError(text) }

  private static func bar(_ share: Double) -> String {
    let filled = Int(share * 24)
    return String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
  }

  static func number(_ value: Double) -> String {
    value >= 100 || value == value.rounded()
      ? String(Int(value.rounded())) : String(format: "%.1f", value)
  }

  static func time(_ seconds: Double) -> String {
    if seconds < 60 { return String(format: "%.1f s", seconds) }
    return "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
  }
}

/// Lines for the person at the terminal, on standard error, so that results can be piped.
struct Notes {
  let isQuiet: Bool

  func say(_ line: String) {
    if !isQuiet { showOnStandardError(line + "\n") }
  }

  /// Shown even when quiet: something was decided or left out that changes the result.
  func warn(_ line: String) {
    showOnStandardError("warning: " + line + "\n")
  }
}

/// Notes that cannot be shown are no reason to lose the result.
private func showOnStandardError(_ text: String) {
  try? StandardStream.error.write(text)
}
