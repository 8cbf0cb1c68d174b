import MartletBytes

/// A pack that is being written: records one after the other, then the directory, then the header.
final class PackFile {
  private let file: AtomicFile
  private var records: [PackRecord] = []
  /// Where the open record began.
  private var start: UInt64 = 0

  init(_ path: String) throws(PackError) {
    do {
      file = try AtomicFile(replacing: path)
      try file.append([UInt8](repeating: 0, count: PackHeader.byteCount))
    } catch { throw .file(error) }
  }

  /// Offset of the next byte.
  var position: UInt64 { UInt64(file.position) }

  func append(_ bytes: [UInt8]) throws(PackError) {
    do { try file.append(bytes) } catch { throw .file(error) }
  }

  /// Appends zeros up to the next aligned offset.
  func align() throws(PackError) {
    do { try file.pad(to: Int(PackHeader.alignment)) } catch { throw .file(error) }
  }

  /// Writes a whole record.
  func append(_ type: RecordType, _ bytes: [UInt8]) throws(PackError) {
    try begin(type)
    try append(bytes)
    records.append(
      PackRecord(
        type: type, offset: start, byteCount: UInt64(bytes.count), checksum: XXH64.checksum(bytes)))
  }

  /// Begins a record that is checked by parts.
  func begin(_ type: RecordType) throws(PackError) {
    try align()
    start = position
  }

  func end(_ type: RecordType) throws(PackError) {
    records.append(
      PackRecord(type: type, offset: start, byteCount: position - start, checksum: 0))
  }

  /// Opens the file before it has a name: it is whole once `seal` was called.
  func opened() throws(PackError) -> Pack {
    let path: String
    do { path = try file.pathWhileOpen() } catch { throw .file(error) }
    return try Pack(path: path)
  }

  /// Goes back to where the directory begins, to write a further record there.
  func unseal() throws(PackError) {
    guard let last = records.last, let end = alignedUp(last.offset + last.byteCount) else { return }
    do { try file.rewind(to: Int(end)) } catch { throw .file(error) }
  }

  /// Lets the file appear.
  func commit() throws(PackError) -> UInt64 {
    do { try file.commit() } catch { throw .file(error) }
    return position
  }

  /// Writes directory and header.
  func seal() throws(PackError) {
    try align()
    let offset = position
    var writer = ByteWriter()
    for record in records { record.encode(into: &writer) }
    try append(writer.bytes)
    let header = PackHeader(
      fileSize: position, directoryOffset: offset, entryCount: UInt32(records.count),
      directoryChecksum: XXH64.checksum(writer.bytes))
    do { try file.overwrite(header.encoded(), at: 0) } catch { throw .file(error) }
  }
}
