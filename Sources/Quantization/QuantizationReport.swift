import Synchronization

/// What quantization did beyond rounding, layer by layer: told while it works, read by whoever prints it.
package final class QuantizationReport: Sendable {
  /// What GPTQ, and what came after it, gained at one matrix, on rows it had not seen.
  package struct Compensated: Equatable, Sendable {
    package var weight: String
    /// Error energy of plain rounding over GPTQ's, in decibels.
    package var decibels: Double
    /// Whether GPTQ's codes were taken: not where they gain nothing.
    package var isTaken: Bool
    /// Part of it that coordinate descent gained after GPTQ; `nil` where it was not tried or gained nothing.
    package var settled: Double?
    /// Why there was nothing to compare, if so.
    package var obstacle: String?
  }

  /// What balancing gained at one value.
  package struct Balanced: Equatable, Sendable {
    package var value: String
    /// Error energy before over after, in decibels.
    package var decibels: Double
  }

  /// A value some of whose channels were read with weights far smaller than the others.
  package struct Evened: Equatable, Sendable {
    package var value: String
    package var channels: Int
    /// How many times as small the smallest were.
    package var ratio: Double
  }

  /// What a narrower fixed range gained at one value.
  package struct Clipped: Equatable, Sendable {
    package var value: String
    package var rule: ClipRule
    /// Error energy of the whole range over this one's, in decibels.
    package var decibels: Double
  }

  private struct State {
    var clipped: [Clipped] = []
    var split: [String] = []
    var evened: [Evened] = []
    var balanced: [Balanced] = []
    var compensated: [Compensated] = []
  }
  private let state = Mutex(State())

  package init() {}

  /// Layers whose diagonal became a product of its own.
  package internal(set) var split: [String] {
    get { state.withLock { $0.split } }
    set { state.withLock { $0.split = newValue } }
  }

  /// Fixed ranges that were chosen among several.
  package internal(set) var clipped: [Clipped] {
    get { state.withLock { $0.clipped } }
    set { state.withLock { $0.clipped = newValue } }
  }

  package internal(set) var evened: [Evened] {
    get { state.withLock { $0.evened } }
    set { state.withLock { $0.evened = newValue } }
  }

  package internal(set) var balanced: [Balanced] {
    get { state.withLock { $0.balanced } }
    set { state.withLock { $0.balanced = newValue } }
  }

  /// Complete once all parameters were encoded.
  package var compensated: [Compensated] { state.withLock { $0.compensated } }

  func add(_ found: Compensated) {
    state.withLock { state in
      // A matrix may be encoded twice: for its bias, and for itself.
      if !state.compensated.contains(found) { state.compensated.append(found) }
    }
  }
}
