import MartletBytes

/// Where the members of a ZIP archive lie, all of them stored uncompressed.
///
/// In: a mapped file. Out: each member's name and bytes, found through its local header, since writers pad
/// those to align the data. ZIP64 records and data descriptors are read (APPNOTE.TXT 6.3.10, sections 4.3 and
/// 4.5.3). Refused: compressed or encrypted members, archives of several parts, members that overlap or lie
/// outside the file, and anything before, between and behind the records that the directory does not explain
/// to the byte where it matters. Checksums are not compared: that would read every weight, and torch can be
/// told not to write them.
struct ZipDirectory {
  /// Byte ranges of the members' data, by name.
  private(set) var members: [String: Range<Int>] = [:]
  /// In the directory's order.
  private(set) var names: [String] = []
  /// The first member that is compressed, with its method.
  private var compressed: (name: String, method: Int)?

  private let file: MappedFile
  private static let endBytes = 22
  private static let end64Bytes = 56
  private static let locatorBytes = 20
  private static let entryBytes = 46
  private static let localBytes = 30

  init(of file: MappedFile) throws(CheckpointError) {
    self.file = file
    let end = try Self.end(of: file)
    var offset = end.directory.lowerBound
    var ranges: [(data: Range<Int>, header: Int, name: String)] = []
    for _ in 0..<end.count {
      let entry = try entry(at: offset, within: end.directory.upperBound)
      offset = entry.end
      if entry.method != 0, compressed == nil { compressed = (entry.name, entry.method) }
      let data = try dataRange(entry, before: end.directory.lowerBound)
      if members.updateValue(data, forKey: entry.name) != nil {
        throw error(entry.name, entry.header, "a name that no other member has", "it twice")
      }
      names.append(entry.name)
      ranges.append((data, entry.header, entry.name))
    }
    if offset != end.directory.upperBound {
      throw error(
        "", offset, "the directory's end at byte \(end.directory.upperBound)", "byte \(offset)")
    }
    ranges.sort { ($0.header, $0.data.upperBound) < ($1.header, $1.data.upperBound) }
    for (first, second) in zip(ranges, ranges.dropFirst())
    where first.data.upperBound > second.header {
      throw error(
        second.name, second.header, "data behind member '\(first.name)'",
        "an overlap of \(first.data.upperBound - second.header) bytes")
    }
  }

  /// - Throws: `compressedMember`.
  func requireStored() throws(CheckpointError) {
    if let compressed {
      throw .compressedMember(
        path: file.path, member: compressed.name, method: compressed.method)
    }
  }

  private func error(
    _ member: String, _ offset: Int, _ expected: String, _ found: String
  ) -> CheckpointError {
    .zip(path: file.path, member: member, offset: offset, expected: expected, found: found)
  }

  // MARK: The end

  private struct End {
    var count: Int
    var directory: Range<Int>
  }

  /// Reads the end record, which closes the file, and its 64-bit twin.
  private static func end(of file: MappedFile) throws(CheckpointError) -> End {
    func error(_ offset: Int, _ expected: String, _ found: String) -> CheckpointError {
      .zip(path: file.path, member: "", offset: offset, expected: expected, found: found)
    }
    let start = file.count - endBytes
    // Comments behind the record are not looked for: no torch writer makes them.
    guard start >= 0, try u32(file, start) == 0x0605_4B50 else {
      throw error(max(0, start), "the end record of a ZIP archive", "something else")
    }
    let (disks, count, total) = try rethrown { () throws(BytesError) in
      try file.bytes(in: start..<start + endBytes) {
        (bytes: RawSpan) throws(BytesError) -> (Int, Int, Int) in
        var reader = ByteReader(bytes, source: file.path, base: start)
        try reader.skip(4)
        let disks = Int(try reader.uint32())
        return (disks, Int(try reader.uint16()), Int(try reader.uint16()))
      }
    }
    var end = End(count: count, directory: 0..<0)
    var size = UInt64(try u32(file, start + 12))
    var offset = UInt64(try u32(file, start + 16))
    var limit = start
    if disks != 0 || count != total { throw error(start + 4, "one archive", "a part of one") }
    let locator = start - locatorBytes
    if locator >= 0, try u32(file, locator) == 0x0706_4B50 {
      let record = try u64(file, locator + 8)
      guard locator >= end64Bytes, record == UInt64(locator - end64Bytes),
        try u32(file, locator - end64Bytes) == 0x0606_4B50
      else {
        throw error(
          locator + 8, "the 64-bit end record at byte \(max(0, locator - end64Bytes))",
          "byte \(record)")
      }
      limit = locator - end64Bytes
      let count64 = try u64(file, limit + 32)
      size = try u64(file, limit + 40)
      offset = try u64(file, limit + 48)
      end.count = Int(clamping: count64)
    }
    // The directory ends where the end records begin; so its place and size state the same twice.
    guard size <= UInt64(limit), offset == UInt64(limit) - size else {
      throw error(limit, "a directory that ends at byte \(limit)", "\(size) bytes at \(offset)")
    }
    if end.count > Int(size) / entryBytes {
      throw error(limit, "at most \(Int(size) / entryBytes) members", "\(end.count)")
    }
    end.directory = Int(offset)..<limit
    return end
  }

  private static func u32(_ file: MappedFile, _ offset: Int) throws(CheckpointError) -> UInt32 {
    try rethrown { () throws(BytesError) in
      try file.bytes(in: offset..<offset + 4) { (bytes: RawSpan) throws(BytesError) -> UInt32 in
        var reader = ByteReader(bytes, source: file.path, base: offset)
        return try reader.uint32()
      }
    }
  }

  private static func u64(_ file: MappedFile, _ offset: Int) throws(CheckpointError) -> UInt64 {
    try rethrown { () throws(BytesError) in
      try file.bytes(in: offset..<offset + 8) { (bytes: RawSpan) throws(BytesError) -> UInt64 in
        var reader = ByteReader(bytes, source: file.path, base: offset)
        return try reader.uint64()
      }
    }
  }

  // MARK: Members

  private struct Entry {
    var name: String
    var method: Int
    var size: Int
    /// Of the local header.
    var header: Int
    /// Of the entry itself.
    var end: Int
  }

  private func entry(at offset: Int, within limit: Int) throws(CheckpointError) -> Entry {
    struct Fields {
      var magic: UInt32 = 0
      var flags = 0
      var method = 0
      var stored: UInt64 = 0
      var size: UInt64 = 0
      var header: UInt64 = 0
      var name = ""
      var end = 0
    }
    let path = file.path
    let fields = try rethrown { () throws(BytesError) in
      try file.bytes(in: offset..<limit) { (bytes: RawSpan) throws(BytesError) -> Fields in
        var reader = ByteReader(bytes, source: path, base: offset)
        var fields = Fields()
        fields.magic = try reader.uint32()
        try reader.skip(4)
        fields.flags = Int(try reader.uint16())
        fields.method = Int(try reader.uint16())
        try reader.skip(8)
        fields.stored = UInt64(try reader.uint32())
        fields.size = UInt64(try reader.uint32())
        let nameBytes = Int(try reader.uint16())
        let extraBytes = Int(try reader.uint16())
        let commentBytes = Int(try reader.uint16())
        try reader.skip(8)
        fields.header = UInt64(try reader.uint32())
        fields.name = try reader.text(nameBytes)
        let extraEnd = reader.position + extraBytes
        try reader.require(extraBytes + commentBytes)
        while reader.position + 4 <= extraEnd {
          let id = try reader.uint16()
          let length = Int(try reader.uint16())
          let next = reader.position + length
          if next > extraEnd { break }
          if id == 1 {
            // Present in this order, each only where its 32 bits say so.
            if fields.size == 0xFFFF_FFFF { fields.size = try reader.uint64() }
            if fields.stored == 0xFFFF_FFFF { fields.stored = try reader.uint64() }
            if fields.header == 0xFFFF_FFFF { fields.header = try reader.uint64() }
          }
          if reader.position > next { break }
          try reader.skip(next - reader.position)
        }
        if reader.position > extraEnd {
          throw .truncated(source: path, offset: reader.offset, needed: extraBytes, available: 0)
        }
        try reader.skip(extraEnd - reader.position + commentBytes)
        fields.end = reader.offset
        return fields
      }
    }
    if fields.magic != 0x0201_4B50 {
      throw error("", offset, "an entry of the directory", "something else")
    }
    if fields.flags & 1 != 0 { throw error(fields.name, offset, "no encryption", "encryption") }
    if fields.method == 0, fields.stored != fields.size {
      throw error(fields.name, offset, "\(fields.size) stored bytes", "\(fields.stored)")
    }
    guard fields.stored <= UInt64(file.count), fields.header < UInt64(file.count) else {
      throw error(
        fields.name, offset, "data within the file's \(file.count) bytes",
        "\(fields.stored) bytes behind the header at \(fields.header)")
    }
    return Entry(
      name: fields.name, method: fields.method, size: Int(fields.stored),
      header: Int(fields.header), end: fields.end)
  }

  /// Where a member's data lies, through its local header.
  private func dataRange(
    _ entry: Entry, before limit: Int
  ) throws(CheckpointError) -> Range<Int> {
    let path = file.path
    guard entry.header <= limit - Self.localBytes else {
      throw error(entry.name, entry.header, "a header before byte \(limit)", "the directory")
    }
    let (magic, method, name, start) = try rethrown { () throws(BytesError) in
      try file.bytes(in: entry.header..<limit) {
        (bytes: RawSpan) throws(BytesError) -> (UInt32, UInt16, [UInt8], Int) in
        var reader = ByteReader(bytes, source: path, base: entry.header)
        let magic = try reader.uint32()
        try reader.skip(4)
        let method = try reader.uint16()
        try reader.skip(16)
        let nameBytes = Int(try reader.uint16())
        let extraBytes = Int(try reader.uint16())
        let name = try reader.array(nameBytes)
        try reader.skip(extraBytes)
        return (magic, method, name, reader.offset)
      }
    }
    if magic != 0x0403_4B50 || Int(method) != entry.method || name != Array(entry.name.utf8) {
      throw error(entry.name, entry.header, "this member's header", "something else")
    }
    if entry.size > limit - start {
      throw error(
        entry.name, start, "\(entry.size) bytes before byte \(limit)", "\(limit - start)")
    }
    return start..<start + entry.size
  }
}
