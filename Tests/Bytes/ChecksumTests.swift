import MartletBytes
import MartletTestSupport
import Testing

@Suite struct ChecksumTests {
  /// The bytes of xxHash's own sanity check: `byte[i] = generator >> 56`, the generator starting at its
  /// 32-bit prime and multiplied by its 64-bit prime at each step.
  static let sanityBytes: [UInt8] = {
    var generator: UInt64 = 2_654_435_761
    return (0..<222).map { _ in
      let byte = UInt8(truncatingIfNeeded: generator >> 56)
      generator = generator &* 11_400_714_785_074_694_797
      return byte
    }
  }()

  /// From the specification's sanity tests (xxHash 0.8, `tests/sanity_test_vectors.h`) and, for text, the
  /// `xxh64sum` command.
  @Test(
    arguments: [
      (0, 0, 0xEF46_DB37_51D8_E999), (0, 0x9E37_79B1, 0xAC75_FDA2_929B_17EF),
      (1, 0, 0xE934_A84A_DB05_2768), (1, 0x9E37_79B1, 0x5014_607643A9_B4C3),
      (14, 0, 0x8282_DCC4_994E_35C8), (14, 0x9E37_79B1, 0xC3BD_6BF6_3DEB_6DF0),
      (222, 0, 0xB641_AE8C_B691_C174), (222, 0x9E37_79B1, 0x20CB_8AB7_AE10_C14A),
    ] as [(Int, UInt64, UInt64)])
  func xxh64EqualsItsPublishedVectors(count: Int, seed: UInt64, expected: UInt64) {
    #expect(XXH64.checksum(Array(Self.sanityBytes[..<count]), seed: seed) == expected)
  }

  /// Wherever the pieces end, the checksum is that of the whole.
  @Test func piecesGiveTheChecksumOfTheWhole() {
    var generator = SeededGenerator(seed: 12)
    for seed: UInt64 in [0, 0x9E37_79B1] {
      for count in [0, 1, 31, 32, 33, 64, 100, 222] {
        let bytes = Array(Self.sanityBytes[..<count])
        for _ in 0..<20 {
          var stream = XXH64.Stream(seed: seed)
          var start = 0
          while start < count {
            let end = min(count, start + generator.int(in: 0...70))
            stream.add(Array(bytes[start..<end]))
            start = end
          }
          #expect(stream.checksum == XXH64.checksum(bytes, seed: seed))
        }
      }
    }
  }

  @Test func everyBitChangesTheChecksum() {
    var generator = SeededGenerator(seed: 11)
    for count in [1, 3, 4, 7, 8, 31, 32, 33, 63, 100] {
      let bytes = generator.bytes(count)
      let checksum = XXH64.checksum(bytes)
      let unseen = (0..<count * 8).filter { bit in
        var damaged = bytes
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        return XXH64.checksum(damaged) == checksum
      }
      #expect(unseen == [])
    }
  }

  /// FIPS 180-4 examples, and lengths around the padding's edge (from `sha256sum`).
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func sha256EqualsItsPublishedVectors(text: String, expected: String) {
    #expect(SHA256.hexadecimal(SHA256.digest(Array(text.utf8))) == expected)
  }

  @Test func sha256IsTheSameWithAndWithoutInstructionsForIt() {
    var generator = SeededGenerator(seed: 9)
    for length in [0, 1, 63, 64, 65, 128, 1000, 4096] {
      let bytes = (0..<length).map { _ in UInt8(generator.int(in: 0...255)) }
      var portable = SHA256(.portable)
      portable.update(bytes)
      #expect(portable.digest() == SHA256.digest(bytes))
    }
  }

  @Test func sha256TakesBytesInPiecesOfAnySize() throws {
    var generator = SeededGenerator(seed: 12)
    let bytes = generator.bytes(1000)
    let expected = SHA256.digest(bytes)
    for piece in [1, 3, 55, 56, 63, 64, 65, 127, 999] {
      var hash = SHA256()
      for start in stride(from: 0, to: bytes.count, by: piece) {
        hash.update(Array(bytes[start..<min(start + piece, bytes.count)]))
      }
      #expect(hash.digest() == expected)
    }
    let directory = try TemporaryDirectory()
    let file = try MappedFile(path: directory.write(bytes, to: "a"))
    #expect(try SHA256.digest(of: file) == expected)
  }
}

@Suite struct FloatConversionTests {
  /// All 65536 halves against the standard library's own conversion.
  @Test func everyHalfIsWidenedExactly() {
    let patterns = (0...UInt16.max).map { $0 }
    let bytes = patterns.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let floats = FloatConversion.floats(fromFloat16: bytes.span.bytes)
    #expect(floats.count == 65536)
    let wrong = zip(patterns, floats).filter { pattern, float in
      let expected = Float(Float16(bitPattern: pattern))
      return expected.isNaN ? !float.isNaN : float.bitPattern != expected.bitPattern
    }
    #expect(wrong.map { $0.0 } == [])
  }

  @Test func everyBFloat16IsItsUpperHalf() {
    let bytes = (0...UInt16.max).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let floats = FloatConversion.floats(fromBFloat16: bytes.span.bytes)
    let wrong = floats.indices.filter { pattern in
      floats[pattern].bitPattern != UInt32(pattern) << 16
        || (!floats[pattern].isNaN && FloatConversion.bfloat16(floats[pattern]) != pattern)
    }
    #expect(wrong == [])
  }

  @Test func floatsAreRoundedToTheNearestHalf() {
    var generator = SeededGenerator(seed: 13)
    var values: [Float] = [
      0, -0.0, 1, 65504, 65519.996, 65520, 1e30, -.infinity, 6.1035156e-5, 6.1e-5, 5.9604645e-8,
      2.9802322e-8, 2.9802326e-8, 1e-10, .leastNonzeroMagnitude, 1.00048828125, 1.00146484375,
    ]
    for _ in 0..<200_000 {
      let value = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
      if !value.isNaN { values.append(value) }
      values.append(generator.float(in: -70000...70000))
      values.append(generator.float(in: -1e-4...1e-4))
    }
    let wrong = values.filter { FloatConversion.float16($0) != Float16($0).bitPattern }
    #expect(wrong == [])
    #expect(Float16(bitPattern: FloatConversion.float16(.nan)).isNaN)
  }

  @Test func floatsAreRoundedToTheNearestBFloat16() {
    let cases: [(UInt32, UInt16)] = [
      (0x3F80_7FFF, 0x3F80), (0x3F80_8000, 0x3F80), (0x3F80_8001, 0x3F81), (0x3F81_8000, 0x3F82),
      (0x7F7F_FFFF, 0x7F80), (0xFF80_0000, 0xFF80), (0x8000_0001, 0x8000),
    ]
    for (bits, expected) in cases {
      #expect(FloatConversion.bfloat16(Float(bitPattern: bits)) == expected)
    }
    // A NaN whose upper fraction bits are clear must not become an infinity.
    for bits in [0x7F80_0001, 0xFFFF_FFFF, 0x7FC0_0000] as [UInt32] {
      let half = FloatConversion.bfloat16(Float(bitPattern: bits))
      #expect(Float(bitPattern: UInt32(half) << 16).isNaN)
    }
  }

  @Test func storedFloatsAreReadBackAtAnyAlignment() {
    var generator = SeededGenerator(seed: 14)
    let values = generator.floats(37)
    for offset in 0..<8 {
      let bytes = [UInt8](repeating: 1, count: offset) + FloatConversion.float32Bytes(values)
      let floats = FloatConversion.floats(
        fromFloat32: bytes.span.bytes.extracting(offset..<bytes.count))
      #expect(floats == values)
    }
    var doubles = ByteWriter()
    for value in [1.0, -0.1, 1e300, 0x1.000001p0, 0x1.000003p0] { doubles.double(value) }
    let bytes = doubles.bytes
    #expect(
      FloatConversion.floats(fromFloat64: bytes.span.bytes)
        == [1, -0.1, .infinity, 1, 0x1.000004p0])
    #expect(FloatConversion.floats(fromFloat16: [UInt8]().span.bytes) == [])
    #expect(FloatConversion.floats(fromFloat16: ([1, 0, 9] as [UInt8]).span.bytes).count == 1)
    #expect(
      FloatConversion.floats(fromFloat16: FloatConversion.float16Bytes([1.5, -2]).span.bytes)
        == [1.5, -2])
    #expect(
      FloatConversion.floats(fromBFloat16: FloatConversion.bfloat16Bytes([1.5, -2]).span.bytes)
        == [1.5, -2])
  }
}
