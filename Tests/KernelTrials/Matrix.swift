import MartletTestSupport

/// An element type with a bit pattern that no kernel writes by itself.
package protocol Guarded: BitwiseCopyable, Equatable {
  static var sentinel: Self { get }
  /// Bits for comparison; all NaN but the sentinel are one.
  var comparable: UInt32 { get }
}

extension UInt8: Guarded {
  package static var sentinel: UInt8 { 0xA5 }
  package var comparable: UInt32 { UInt32(self) }
}

extension Int8: Guarded {
  package static var sentinel: Int8 { -91 }
  package var comparable: UInt32 { UInt32(bitPattern: Int32(self)) }
}

extension UInt16: Guarded {
  package static var sentinel: UInt16 { 0x7DA5 }
  package var comparable: UInt32 { UInt32(self) }
}

extension Int32: Guarded {
  package static var sentinel: Int32 { 0x5AA5_5AA5 }
  package var comparable: UInt32 { UInt32(bitPattern: self) }
}

extension Float: Guarded {
  package static var sentinel: Float { Float(bitPattern: 0x7FE5_A5A5) }
  package var comparable: UInt32 {
    isNaN && bitPattern != Float.sentinel.bitPattern ? 0x7FC0_0000 : bitPattern
  }
}

/// Rows in the middle of sentinels: before, between and after them. An input read beyond its rows shows in the
/// result; an output written beyond them shows as a lost sentinel.
package final class Matrix<Element: Guarded> {
  package let rows: Int
  package let width: Int
  package let stride: Int
  private let margin = 64
  private let storage: UnsafeMutableBufferPointer<Element>

  package init(_ rows: Int, _ width: Int, gap: Int = 3, _ value: (Int, Int) -> Element) {
    self.rows = rows
    self.width = width
    stride = width + gap
    storage = .allocate(capacity: 2 * margin + rows * stride)
    storage.initialize(repeating: .sentinel)
    for row in 0..<rows {
      for column in 0..<width { self[row, column] = value(row, column) }
    }
  }

  /// A destination: sentinels throughout.
  package convenience init(_ rows: Int, _ width: Int, gap: Int = 3) {
    self.init(rows, width, gap: gap) { _, _ in .sentinel }
  }

  deinit { storage.deallocate() }

  package var pointer: UnsafeMutablePointer<Element> {
    guard let base = storage.baseAddress else { preconditionFailure("margins are never empty") }
    return base + margin
  }

  /// For parameters that are read only.
  package var readPointer: UnsafePointer<Element> { UnsafePointer(pointer) }

  package subscript(row: Int, column: Int) -> Element {
    get { storage[margin + row * stride + column] }
    set { storage[margin + row * stride + column] = newValue }
  }

  package var elements: [Element] {
    (0..<rows).flatMap { row in (0..<width).map { self[row, $0] } }
  }

  /// All elements for comparison, and whether every sentinel outside the rows still stands.
  package var outcome: Outcome {
    var intact = true
    for (index, element) in storage.enumerated() {
      let place = index - margin
      let inside = place >= 0 && place < rows * stride && place % stride < width
      if !inside && element.comparable != Element.sentinel.comparable { intact = false }
    }
    return Outcome(bits: elements.map { $0.comparable }, intact: intact)
  }
}

/// What a kernel left behind.
package struct Outcome: Equatable {
  package var bits: [UInt32]
  /// No sentinel was overwritten.
  package var intact: Bool

  package static func + (a: Outcome, b: Outcome) -> Outcome {
    Outcome(bits: a.bits + b.bits, intact: a.intact && b.intact)
  }
}

/// What the numbers of a trial look like.
enum Flavor: String {
  case random
  /// Only the ends of the range.
  case extremes
  /// Every number the largest.
  case maximal
  /// 8-bit weights whose sums of six reach the largest magnitude that short sums allow, here and there.
  case short
  /// All of them reach it.
  case brim
  /// All of them are just beyond it.
  case over
  /// Every second panel is `short`, the others random.
  case mixed

  /// Those that differ in floats.
  static let ofFloats: [Flavor] = [.random, .extremes, .maximal]

  func activation(_ generator: inout SeededGenerator) -> UInt8 {
    switch self {
    case .random, .mixed: UInt8(truncatingIfNeeded: generator.next())
    case .extremes, .short: generator.next() & 1 == 0 ? 0 : 255
    case .maximal, .brim, .over: 255
    }
  }

  func code(_ generator: inout SeededGenerator) -> Int8 {
    switch self {
    case .random, .mixed: Int8(truncatingIfNeeded: generator.next())
    case .extremes: generator.next() & 1 == 0 ? -128 : 127
    case .maximal: -128
    case .short: generator.next() & 1 == 0 ? -16 : 16
    case .brim: 16
    case .over: -17
    }
  }

  /// Two nibbles.
  func nibbles(_ generator: inout SeededGenerator) -> UInt8 {
    switch self {
    case .random, .short, .brim, .over, .mixed: UInt8(truncatingIfNeeded: generator.next())
    case .extremes: [0x00, 0xFF, 0xF0, 0x0F][Int(generator.next() & 3)]
    case .maximal: 0x00
    }
  }

  func float(_ generator: inout SeededGenerator) -> Float {
    switch self {
    case .random, .short, .brim, .over, .mixed: generator.float(in: -4...4)
    case .extremes:
      [0, -0.0, 0x1p-140, -0x1p-140, 1e30, -1e30, 16, -16, 89, -104, 88.7, -87.4][
        generator.int(in: 0...11)]
    case .maximal: 3e38
    }
  }
}
