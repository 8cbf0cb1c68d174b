import Foundation
import MartletModel

/// The goldens of `Tools/oracle/make_image_goldens.py`: pictures as files, and what Pillow makes of them.
struct ImageGoldens: Sendable {
  struct Decoded: Codable, Sendable {
    var file: String
    var height: Int
    var width: Int
    var sha256: String
  }

  struct Resized: Codable, Sendable {
    var name: String
    var inputWidth: Int
    var inputHeight: Int
    var height: Int
    var width: Int
    var sha256: String
    /// For fits: `pad` or `crop`, and the side of the square.
    var fit: String?
    var side: Int?

    private enum CodingKeys: String, CodingKey {
      case name, height, width, sha256, fit, side
      case inputWidth = "input_width"
      case inputHeight = "input_height"
    }
  }

  private struct Index: Codable {
    var decode: [Decoded]
    var refused: [String]
    var resize: [Resized]
    var fit: [Resized]
  }

  let decoded: [Decoded]
  /// Files that are not read.
  let refused: [String]
  let resized: [Resized]
  let fitted: [Resized]

  /// Every picture file.
  var files: [String] { decoded.map(\.file) + refused }

  static let all = ImageGoldens()

  private init() {
    guard
      let index = try? JSONDecoder().decode(
        Index.self, from: Data(Self.bytes(of: "images.json")))
    else {
      preconditionFailure("Tests/Fixtures/images/images.json does not have the shape expected")
    }
    decoded = index.decode
    refused = index.refused
    resized = index.resize
    fitted = index.fit
  }

  static func bytes(of file: String) -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/images").standardized
    guard let data = try? Data(contentsOf: folder.appending(path: file)) else {
      preconditionFailure("Tests/Fixtures/images/\(file) is missing")
    }
    return [UInt8](data)
  }

  /// The goldens' test picture, `(7x + 13y + 29c + (x·y >> 3) + 5·(x ^ y)) & 255`.
  static func formula(height: Int, width: Int) -> Pixels {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(height * width * 3)
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<3 {
          bytes.append(
            UInt8(truncatingIfNeeded: 7 * x + 13 * y + 29 * c + ((x * y) >> 3) + 5 * (x ^ y)))
        }
      }
    }
    return Pixels(height: height, width: width, bytes: bytes)
  }
}

/// SHA-256 (FIPS 180-4) in hexadecimal, for goldens too large to store.
func sha256(_ bytes: [UInt8]) -> String {
  var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
    0x5be0_cd19,
  ]
  var message = bytes + [0x80]
  message += [UInt8](repeating: 0, count: (120 - message.count % 64) % 64)
  message += withUnsafeBytes(of: UInt64(bytes.count * 8).bigEndian) { [UInt8]($0) }
  var w = [UInt32](repeating: 0, count: 64)
  for start in stride(from: 0, to: message.count, by: 64) {
    for t in 0..<64 {
      if t < 16 {
        w[t] = message[start + 4 * t..<start + 4 * t + 4].reduce(0) { $0 << 8 | UInt32($1) }
      } else {
        let a = w[t - 15].rotated(7) ^ w[t - 15].rotated(18) ^ w[t - 15] >> 3
        let b = w[t - 2].rotated(17) ^ w[t - 2].rotated(19) ^ w[t - 2] >> 10
        w[t] = w[t - 16] &+ a &+ w[t - 7] &+ b
      }
    }
    var s = state
    for t in 0..<64 {
      let e = s[4].rotated(6) ^ s[4].rotated(11) ^ s[4].rotated(25)
      let first = s[7] &+ e &+ (s[4] & s[5] ^ ~s[4] & s[6]) &+ sha256Constants[t] &+ w[t]
      let a = s[0].rotated(2) ^ s[0].rotated(13) ^ s[0].rotated(22)
      let second = a &+ (s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2])
      s = [first &+ second, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
    }
    for i in 0..<8 { state[i] &+= s[i] }
  }
  return state.map {
    String(repeating: "0", count: $0.leadingZeroBitCount / 4 % 8) + String($0, radix: 16)
  }
  .joined()
}

extension UInt32 {
  fileprivate func rotated(_ count: UInt32) -> UInt32 { self >> count | self << (32 - count) }
}

/// Fractions of the cube roots of the first 64 primes, computed so that no digit can be mistyped.
private let sha256Constants: [UInt32] = {
  var primes: [UInt64] = []
  var candidate: UInt64 = 2
  while primes.count < 64 {
    if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
    candidate += 1
  }
  return primes.map { prime in
    // The largest r with r³ ≤ prime · 2⁹⁶; its low 32 bits are the fraction.
    var root: UInt64 = 0
    for bit in stride(from: UInt64(34), through: 0, by: -1) {
      let next = root | 1 << bit
      let square = next.multipliedFullWidth(by: next)
      let cube = UInt128(square.high) << 64 | UInt128(square.low)
      if cube.multipliedReportingOverflow(by: UInt128(next)).overflow == false,
        cube * UInt128(next) <= UInt128(prime) << 96
      {
        root = next
      }
    }
    return UInt32(truncatingIfNeeded: root)
  }
}()
