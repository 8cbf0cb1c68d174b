// The bridge to zstd: one frame at a time, in memory that the caller owns. One of the module's files with pointers.

import CZstd

/// Packs frames; one for each thread, since zstd's working memory is kept between frames.
@safe final class FrameEncoder {
  /// Level 3: higher levels gain nothing on quantized weights (measured, 1 MiB frames, zstd 1.5).
  private static let level: Int32 = 3
  private let context: OpaquePointer
  private var planes: [UInt8] = []

  /// - Returns: `nil` where there is no memory.
  init?() {
    guard let context = unsafe ZSTD_createCCtx() else { return nil }
    unsafe self.context = context
  }

  deinit {
    // SAFETY: made in `init`, given back once.
    _ = unsafe ZSTD_freeCCtx(context)
  }

  /// Bytes that a packed frame needs at most.
  static func bound(_ unpackedBytes: Int) -> Int { ZSTD_compressBound(unpackedBytes) }

  /// Packs one frame and returns its stored size.
  /// - Parameter target: at least `bound` bytes, so that zstd has no reason to fail.
  @unsafe func pack(
    _ source: UnsafeRawBufferPointer, storage: Storage,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    if storage == .raw {
      unsafe target.copyMemory(from: source)
      return source.count
    }
    let width = Int(storage.rawValue)
    if width == 1 { return unsafe compress(source, into: target) }
    if planes.count < source.count { planes = [UInt8](repeating: 0, count: source.count) }
    // SAFETY: `planes` is alive during the call and nothing else touches it.
    return unsafe planes.withUnsafeMutableBytes { buffer in
      let scratch = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<source.count])
      unsafe BytePlanes.split(source, width: width, into: scratch)
      return unsafe compress(UnsafeRawBufferPointer(scratch), into: target)
    }
  }

  @unsafe private func compress(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    // SAFETY: zstd writes at most `target.count` bytes and reads `source.count`.
    let size = unsafe ZSTD_compressCCtx(
      context, target.baseAddress, target.count, source.baseAddress, source.count, Self.level)
    precondition(ZSTD_isError(size) == 0, "a target of `bound` bytes always suffices")
    return size
  }
}

/// Unpacks frames; one for each thread.
@safe final class FrameDecoder {
  private let context: OpaquePointer
  private var planes: [UInt8] = []

  /// - Returns: `nil` where there is no memory.
  init?() {
    guard let context = unsafe ZSTD_createDCtx() else { return nil }
    unsafe self.context = context
  }

  deinit {
    // SAFETY: made in `init`, given back once.
    _ = unsafe ZSTD_freeDCtx(context)
  }

  /// Unpacks one frame; it must fill `target` exactly.
  ///
  /// zstd decodes straight into `target`, so a frame's window costs no memory, whatever it says.
  /// - Returns: why it was refused, or `nil`.
  @unsafe func unpack(
    _ source: UnsafeRawBufferPointer, storage: Storage,
    into target: UnsafeMutableRawBufferPointer
  ) -> FrameFault? {
    if storage == .raw {
      unsafe target.copyMemory(from: source)
      return nil
    }
    let width = Int(storage.rawValue)
    if width == 1 { return unsafe decompress(source, into: target) }
    if planes.count < target.count { planes = [UInt8](repeating: 0, count: target.count) }
    // SAFETY: `planes` is alive during the call and nothing else touches it.
    return unsafe planes.withUnsafeMutableBytes { buffer in
      let scratch = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<target.count])
      if let fault = unsafe decompress(source, into: scratch) { return fault }
      unsafe BytePlanes.join(UnsafeRawBufferPointer(scratch), width: width, into: target)
      return nil
    }
  }

  @unsafe private func decompress(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) -> FrameFault? {
    // SAFETY: zstd reads at most `source.count` bytes and writes at most `target.count`.
    let stated = unsafe ZSTD_getFrameContentSize(source.baseAddress, source.count)
    // Unknown and error are the two largest numbers (zstd.h).
    if stated >= UInt64.max - 1 { return .contentSize(expected: target.count, found: nil) }
    if stated != UInt64(target.count) {
      return .contentSize(expected: target.count, found: stated)
    }
    let frame = unsafe ZSTD_findFrameCompressedSize(source.baseAddress, source.count)
    if ZSTD_isError(frame) != 0 || frame != source.count { return .notOneFrame }
    let size = unsafe ZSTD_decompressDCtx(
      context, target.baseAddress, target.count, source.baseAddress, source.count)
    if ZSTD_isError(size) != 0 { return .zstd(code: Int(0 &- size)) }
    return size == target.count ? nil : .contentSize(expected: target.count, found: UInt64(size))
  }
}

/// The version of zstd, on which the packed bytes depend.
func compressorVersion() -> String {
  let number = ZSTD_versionNumber()
  return "\(number / 10000).\(number / 100 % 100).\(number % 100)"
}
