import CMartletPlatform

/// A file mapped read-only; its pages are read when touched and shared with other processes.
///
/// Opening costs microseconds whatever the size. The bytes stay valid while the object lives.
package final class MappedFile: Sendable {
  package let path: String
  package let count: Int
  let mapping: Mapping

  /// The mapping, which never changes after `init`.
  @safe struct Mapping: @unchecked Sendable {
    // SAFETY: read-only memory that lives until `deinit`, so any thread may read it.
    let value: martlet_mapping
  }

  /// Maps the file at `path`; an empty file is an empty mapping.
  ///
  /// - Throws: `notAFile`, or `system` with the errno value.
  package init(path: String) throws(BytesError) {
    var mapping = unsafe martlet_mapping()
    // SAFETY: both pointers are valid during the call, which keeps neither.
    let code = unsafe martlet_map_file(path, &mapping)
    if code == MARTLET_NOT_A_FILE { throw .notAFile(path: path) }
    if code != 0 { throw .system(operation: .open, path: path, code: code) }
    self.path = path
    self.count = unsafe mapping.count
    self.mapping = unsafe Mapping(value: mapping)
  }

  deinit {
    // SAFETY: made by `martlet_map_file`, given back once, and nobody can hold its bytes any more.
    unsafe martlet_unmap(mapping.value)
  }

  /// All bytes of the file, for C and for hot loops: valid while this object lives.
  @unsafe package var unsafeBytes: UnsafeRawBufferPointer {
    // SAFETY: base and count describe one mapping, or a null base with count 0.
    unsafe UnsafeRawBufferPointer(start: mapping.value.bytes, count: count)
  }

  /// Lends all bytes of the file.
  package func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    // SAFETY: the mapping outlives the call because `self` does.
    let span = unsafe RawSpan(_unsafeBytes: unsafeBytes)
    return try body(span)
  }

  /// Lends the bytes of a range.
  ///
  /// - Throws: `truncated` when the range does not lie within the file.
  package func bytes<R>(
    in range: Range<Int>, _ body: (RawSpan) throws(BytesError) -> R
  ) throws(BytesError) -> R {
    if range.lowerBound < 0 || range.upperBound > count {
      throw .truncated(
        source: path, offset: range.lowerBound, needed: range.count,
        available: max(0, count - max(0, range.lowerBound)))
    }
    return try withBytes { (all: RawSpan) throws(BytesError) -> R in
      try body(all.extracting(range))
    }
  }

  /// Lets go of the memory of a range that was read and is not needed soon.
  ///
  /// Only pages wholly inside are given back; reading them again reads the file again.
  package func discard(_ range: Range<Int>) throws(BytesError) {
    // SAFETY: the mapping is alive; the callee refuses ranges outside it and changes no byte.
    let code = unsafe martlet_mapping_discard(mapping.value, range.lowerBound, range.count)
    if code != 0 { throw .system(operation: .discard, path: path, code: code) }
  }
}
