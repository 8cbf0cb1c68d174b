// A picture inside a record. One of the module's files with pointers.

import MartletBytes
import MartletModel

/// A picture as it is kept: its bytes, or one zstd frame of them.
package struct StoredPicture: Equatable, Sendable {
  package let height: Int
  package let width: Int
  let storage: Storage
  let stored: [UInt8]

  /// Bytes in the file.
  package var storedBytes: Int { stored.count }
  private static let largestExpansion = 16

  /// - Throws: `memory` where zstd has none.
  package init(_ pixels: Pixels) throws(PackError) {
    height = pixels.height
    width = pixels.width
    let packed = try Self.packed(pixels.bytes)
    // What shrinks beyond 1/16 is kept raw, as everywhere in a pack.
    let isWorth =
      packed.count < pixels.bytes.count
      && packed.count * Self.largestExpansion >= pixels.bytes.count
    storage = isWorth ? .zstd : .raw
    stored = isWorth ? packed : pixels.bytes
  }

  private static func packed(_ bytes: [UInt8]) throws(PackError) -> [UInt8] {
    let bound = FrameEncoder.bound(bytes.count)
    guard let encoder = FrameEncoder() else { throw .memory(byteCount: bound) }
    var target = [UInt8](repeating: 0, count: bound)
    let size = unsafe target.withUnsafeMutableBytes { target in
      // SAFETY: both arrays live during the call, and the target has `bound` bytes.
      unsafe bytes.withUnsafeBytes { source in
        unsafe encoder.pack(source, storage: .zstd, into: target)
      }
    }
    return Array(target[..<size])
  }

  /// The picture itself.
  /// - Throws: `frame`, `memory`.
  package func pixels() throws(PackError) -> Pixels {
    if storage == .raw { return Pixels(height: height, width: width, bytes: stored) }
    let count = height * width * 3
    guard let decoder = FrameDecoder() else { throw .memory(byteCount: count) }
    var bytes = [UInt8](repeating: 0, count: count)
    let fault = unsafe bytes.withUnsafeMutableBytes { target in
      // SAFETY: both arrays live during the call.
      unsafe stored.withUnsafeBytes { source in
        unsafe decoder.unpack(source, storage: storage, into: target)
      }
    }
    if let fault {
      throw .frame(part: .record(type: RecordType.proof.name), offset: 0, reason: fault)
    }
    return Pixels(height: height, width: width, bytes: bytes)
  }

  func encode(into writer: inout ByteWriter) throws(PackError) {
    try writer.u32(height, "height")
    try writer.u32(width, "width")
    writer.uint8(storage.rawValue)
    try writer.u32(stored.count, "picture size")
    writer.append(stored)
  }

  init(_ reader: inout RecordReader) throws(PackError) {
    let longest = Proof.Golden.longestSide
    height = try reader.u32("height", in: 1...longest)
    width = try reader.u32("width", in: 1...longest)
    let start = reader.offset
    let kind = try reader.u8()
    guard let storage = Storage(rawValue: kind), storage == .raw || storage == .zstd else {
      throw reader.field("storage", "\(kind)", at: start)
    }
    self.storage = storage
    let count = try reader.count(elementBytes: 1)
    let whole = height * width * 3
    let fits = storage == .raw ? count == whole : count * Self.largestExpansion >= whole
    if !fits { throw reader.field("picture size", "\(count)", at: start + 1) }
    stored = try reader.raw(count)
  }
}
