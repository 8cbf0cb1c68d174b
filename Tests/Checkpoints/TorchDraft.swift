import MartletBytes

/// A ZIP archive of stored members, written field by field, to be spoiled.
struct ZipDraft {
  struct Member {
    var name: String
    var bytes: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    /// Sizes and places as the directory states them; `nil` for the truth.
    var statedSize: UInt32?
    var statedHeader: UInt32?
    var localName: String?
  }

  var members: [Member] = []
  var statedCount: UInt16?
  var directoryShift = 0

  func bytes() -> [UInt8] {
    var writer = ByteWriter()
    var headers: [Int] = []
    for member in members {
      headers.append(writer.count)
      writer.uint32(0x0403_4B50)
      header(&writer, member)
      let name = member.localName ?? member.name
      writer.uint16(UInt16(name.utf8.count))
      writer.uint16(0)
      writer.text(name)
      writer.append(member.bytes)
    }
    let start = writer.count
    for (member, header) in zip(members, headers) {
      writer.uint32(0x0201_4B50)
      writer.uint16(0)
      self.header(&writer, member)
      writer.uint16(UInt16(member.name.utf8.count))
      for _ in 0..<4 { writer.uint16(0) }
      writer.uint32(0)
      writer.uint32(member.statedHeader ?? UInt32(header))
      writer.text(member.name)
    }
    let size = writer.count - start
    writer.uint32(0x0605_4B50)
    writer.uint32(0)
    let count = statedCount ?? UInt16(members.count)
    writer.uint16(count)
    writer.uint16(count)
    writer.uint32(UInt32(size))
    writer.uint32(UInt32(start + directoryShift))
    writer.uint16(0)
    return writer.bytes
  }

  /// The fields that local header and entry have in common.
  private func header(_ writer: inout ByteWriter, _ member: Member) {
    writer.uint16(0)
    writer.uint16(member.flags)
    writer.uint16(member.method)
    writer.uint32(0)
    writer.uint32(0)
    let size = member.statedSize ?? UInt32(member.bytes.count)
    writer.uint32(size)
    writer.uint32(size)
  }

  /// A torch file of this pickle and these storages.
  static func torch(_ pickle: PickleDraft, storages: [String: Int] = ["0": 16]) -> ZipDraft {
    var draft = ZipDraft()
    draft.members.append(Member(name: "a/data.pkl", bytes: pickle.bytes))
    draft.members.append(Member(name: "a/byteorder", bytes: Array("little".utf8)))
    for (key, count) in storages.sorted(by: { $0.key < $1.key }) {
      draft.members.append(
        Member(name: "a/data/" + key, bytes: [UInt8](repeating: 0, count: count)))
    }
    return draft
  }
}

/// Opcodes of a pickle, one call an opcode or a group of them.
struct PickleDraft: Sendable {
  var bytes: [UInt8] = [0x80, 2]

  init(_ body: (inout PickleDraft) -> Void) {
    body(&self)
    bytes.append(UInt8(ascii: "."))
  }

  mutating func op(_ bytes: UInt8...) { self.bytes += bytes }

  mutating func text(_ text: String) {
    op(0x8C, UInt8(text.utf8.count))
    bytes += Array(text.utf8)
  }

  mutating func int(_ value: Int) {
    op(0x8A, 8)
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
  }

  mutating func global(_ module: String, _ name: String) {
    op(UInt8(ascii: "c"))
    bytes += Array("\(module)\n\(name)\n".utf8)
  }

  mutating func tuple(_ values: [Int]) {
    op(UInt8(ascii: "("))
    for value in values { int(value) }
    op(UInt8(ascii: "t"))
  }

  mutating func storage(
    _ key: String = "0", count: Int = 4, type: String = "FloatStorage"
  ) {
    op(UInt8(ascii: "("))
    text("storage")
    global("torch", type)
    text(key)
    text("cpu")
    int(count)
    op(UInt8(ascii: "t"), UInt8(ascii: "Q"))
  }

  mutating func tensor(
    key: String = "0", count: Int = 4, offset: Int = 0, shape: [Int] = [4], strides: [Int] = [1]
  ) {
    global("torch._utils", "_rebuild_tensor_v2")
    op(UInt8(ascii: "("))
    storage(key, count: count)
    int(offset)
    tuple(shape)
    tuple(strides)
    op(0x89, UInt8(ascii: "}"), UInt8(ascii: "t"), UInt8(ascii: "R"))
  }

  /// `{"w": …}`
  static func entry(_ body: (inout PickleDraft) -> Void) -> PickleDraft {
    PickleDraft {
      $0.op(UInt8(ascii: "}"))
      $0.text("w")
      body(&$0)
      $0.op(UInt8(ascii: "s"))
    }
  }
}
