import CMartletPlatform

/// The system reads a range of a mapped file while this object lives and something else is computed.
///
/// What was read waits in the system's cache, not in the memory of this process, and changes speed alone.
@safe package final class ReadingAhead {
  // SAFETY: made in `init`, given back in `deinit` only; the file is mapped while this object lives.
  private let reading: OpaquePointer
  private let file: MappedFile

  /// - Parameter range: what lies outside the file, and what is more than half of the memory that is free, is left out:
  ///   it would push out what is needed sooner.
  /// - Returns: `nil` where there is nothing to read or no thread to be had.
  package init?(_ file: MappedFile, _ range: Range<Int>) {
    let most = Machine.availableBytes / 2
    let range = range.clamped(to: 0..<file.count).prefix(most)
    if range.isEmpty { return nil }
    var started: OpaquePointer?
    // SAFETY: the callee writes to `started` during the call, and reads the mapping until it is stopped.
    let code = unsafe martlet_reading_start(
      file.mapping.value, range.startIndex, range.count, &started)
    guard code == 0, let started = unsafe started else { return nil }
    unsafe reading = unsafe started
    self.file = file
  }

  deinit { unsafe martlet_reading_stop(reading) }
}
