/// Damaged copies of a file's bytes, for readers that must refuse or survive each.
package struct Corruption: Sendable {
  /// What was done, for the message of a failing test.
  package let what: String
  package let bytes: [UInt8]

  /// The bytes cut short at every `step`-th length, the empty file included.
  package static func cuts(of bytes: [UInt8], step: Int = 1) -> some Sequence<Corruption> {
    stride(from: 0, to: bytes.count, by: step).lazy.map { length in
      Corruption(what: "cut at \(length)", bytes: Array(bytes[..<length]))
    }
  }

  /// Copies with one bit flipped at a seeded place.
  package static func flips(
    of bytes: [UInt8], count: Int, seed: UInt64
  ) -> some Sequence<Corruption> {
    var generator = SeededGenerator(seed: seed)
    let places = (0..<count).map { _ in generator.int(in: 0...bytes.count * 8 - 1) }
    return places.lazy.map { place in
      var damaged = bytes
      damaged[place / 8] ^= 1 << UInt8(place % 8)
      return Corruption(what: "bit \(place % 8) of byte \(place / 8) flipped", bytes: damaged)
    }
  }

  /// Copies with one to eight bytes replaced by values that sizes and offsets lie with.
  package static func lies(
    of bytes: [UInt8], count: Int, seed: UInt64
  ) -> some Sequence<Corruption> {
    var generator = SeededGenerator(seed: seed)
    let values: [[UInt8]] = [
      [0], [0xFF], [0x7F], [0x80], [0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F],
      [0xFF, 0xFF, 0xFF, 0xFF],
      [0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0x80], [UInt8](repeating: 0xFF, count: 8),
      [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], Array("9".utf8), Array("-1".utf8),
      Array("99999999".utf8), Array("1e9".utf8), Array("\"".utf8), Array("{".utf8), Array("]".utf8),
    ]
    let places = (0..<count).map { _ in
      (at: generator.int(in: 0...bytes.count - 1), value: generator.int(in: 0...values.count - 1))
    }
    return places.lazy.map { place in
      var damaged = bytes
      for (index, byte) in values[place.value].enumerated() where place.at + index < bytes.count {
        damaged[place.at + index] = byte
      }
      return Corruption(what: "\(values[place.value]) put at \(place.at)", bytes: damaged)
    }
  }

  /// Bytes put after the end.
  package static func extensions(of bytes: [UInt8]) -> [Corruption] {
    [1, 7, 4096].map { extra in
      Corruption(
        what: "\(extra) bytes appended", bytes: bytes + [UInt8](repeating: 0, count: extra))
    }
  }
}
