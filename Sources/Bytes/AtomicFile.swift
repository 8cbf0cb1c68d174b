import CMartletPlatform

/// A file that appears under its name whole, or not at all.
///
/// It is written without a name (or, where the file system cannot do that, as a hidden
/// `.NAME.XXXXXXXX.partial` beside the target), and `commit` syncs it and renames it over the target.
/// Without `commit` nothing is left. A killed process leaves at most a hidden file, which the next
/// `AtomicFile` for the same target removes.
@safe package final class AtomicFile {
  package let path: String
  /// Bytes appended so far; where the next `append` goes.
  package private(set) var position = 0

  /// `nil` once committed or abandoned.
  private var partial: OpaquePointer?
  private var pending: [UInt8] = []
  private static let bufferBytes = 1 << 18

  /// How the unfinished file is kept.
  package enum Placement: Sendable {
    /// Without a name where the file system can.
    case nameless
    /// Always under a temporary name.
    case hidden
  }

  /// Starts writing what will become `path`.
  ///
  /// - Throws: `notAFile` when something other than a regular file stands there; `system`.
  package init(replacing path: String, placement: Placement = .nameless) throws(BytesError) {
    var partial: OpaquePointer?
    // SAFETY: both pointers are valid during the call, which keeps neither.
    let code = unsafe martlet_partial_create(path, placement == .hidden, &partial)
    if code == MARTLET_NOT_A_FILE { throw .notAFile(path: path) }
    if code != 0 { throw .system(operation: .create, path: path, code: code) }
    self.path = path
    unsafe self.partial = partial
  }

  deinit {
    // SAFETY: the partial is open, and after this call nobody can use it.
    if let partial = unsafe partial { unsafe martlet_partial_abandon(partial) }
  }

  /// Appends bytes. Small pieces are gathered before they reach the system.
  ///
  /// - Throws: `system`; a full disk is errno ENOSPC. The file cannot be committed afterwards.
  package func append(_ bytes: RawSpan) throws(BytesError) {
    if bytes.byteCount >= Self.bufferBytes {
      try flush()
      try write(bytes, at: position)
    } else {
      // SAFETY: the buffer is only read during the call.
      unsafe bytes.withUnsafeBytes { unsafe pending.append(contentsOf: $0) }
    }
    position += bytes.byteCount
    if pending.count >= Self.bufferBytes { try flush() }
  }

  /// Appends bytes.
  package func append(_ bytes: [UInt8]) throws(BytesError) {
    // SAFETY: bytes have no padding.
    try unsafe append(bytes.span.bytes)
  }

  /// Appends the UTF-8 bytes of a text.
  package func append(_ text: String) throws(BytesError) {
    try append(Array(text.utf8))
  }

  /// Appends zeros up to the next multiple of `alignment`.
  package func pad(to alignment: Int) throws(BytesError) {
    let rest = position % alignment
    if rest != 0 { try append([UInt8](repeating: 0, count: alignment - rest)) }
  }

  /// Writes bytes at an offset, for a header whose values are known last; `position` stays.
  package func overwrite(_ bytes: [UInt8], at offset: Int) throws(BytesError) {
    try flush()
    // SAFETY: bytes have no padding.
    try unsafe write(bytes.span.bytes, at: offset)
  }

  /// A path under which this process can read what was written so far, until the file is committed or abandoned.
  ///
  /// - Throws: `system` where what was gathered cannot be written.
  package func pathWhileOpen() throws(BytesError) -> String {
    try flush()
    guard let partial = unsafe partial else {
      preconditionFailure("a committed or abandoned file has no other path")
    }
    // SAFETY: the partial is open.
    return "/proc/self/fd/\(unsafe martlet_partial_descriptor(partial))"
  }

  /// Goes back to write what follows `offset` again; whoever does must write at least as far as before.
  package func rewind(to offset: Int) throws(BytesError) {
    precondition(offset >= 0 && offset <= position)
    try flush()
    position = offset
  }

  /// Makes the file appear. Durable when this returns.
  ///
  /// - Throws: `system`; the target is then as it was before.
  package func commit() throws(BytesError) {
    try flush()
    guard let partial = unsafe partial else { preconditionFailure("a file is committed once") }
    unsafe self.partial = nil
    // SAFETY: the partial is open and used no more.
    let code = unsafe martlet_partial_commit(partial)
    if code != 0 { throw .system(operation: .commit, path: path, code: code) }
  }

  /// Throws everything away.
  package func abandon() {
    guard let partial = unsafe partial else { return }
    unsafe self.partial = nil
    // SAFETY: the partial is open and used no more.
    unsafe martlet_partial_abandon(partial)
  }

  private func flush() throws(BytesError) {
    if pending.isEmpty { return }
    let start = position - pending.count
    // Taken out while it is written, and put back empty for its memory.
    var bytes: [UInt8] = []
    swap(&bytes, &pending)
    // SAFETY: bytes have no padding.
    try unsafe write(bytes.span.bytes, at: start)
    bytes.removeAll(keepingCapacity: true)
    swap(&bytes, &pending)
  }

  private func write(_ bytes: RawSpan, at offset: Int) throws(BytesError) {
    guard let partial = unsafe partial else {
      preconditionFailure("a committed or abandoned file is not written to")
    }
    var code: Int32 = 0
    // SAFETY: the callee reads exactly `count` bytes during the call.
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      code = unsafe martlet_partial_write(partial, base, buffer.count, UInt64(offset))
    }
    if code != 0 { throw .system(operation: .write, path: path, code: code) }
  }

  /// Writes a whole file at once.
  package static func write(_ bytes: [UInt8], to path: String) throws(BytesError) {
    let file = try AtomicFile(replacing: path)
    try file.append(bytes)
    try file.commit()
  }

  /// Writes a whole text at once.
  package static func write(_ text: String, to path: String) throws(BytesError) {
    try write(Array(text.utf8), to: path)
  }
}
