import MartletBytes

/// Pickles put into an archive that has nothing wrong, so that a mutation always reaches the pickle.
enum Torch {
  /// One byte says how many storages there are, two bytes each how large they are; the pickle follows.
  static func read(pickle input: [UInt8]) {
    let count = Int(input.first ?? 0) % 16
    if input.count < 1 + 2 * count { return }
    var storages: [Int] = []
    for index in 0..<count {
      // Larger ones would only hide what an allocation has to do with its input.
      storages.append((Int(input[1 + 2 * index]) | Int(input[2 + 2 * index]) << 8) & 0xFFF)
    }
    let pickle = Array(input[(1 + 2 * count)...])
    Checkpoints.read(archive(pickle, storages: storages))
  }

  /// A ZIP archive of stored members as `torch.save` writes it, checksums left out.
  private static func archive(_ pickle: [UInt8], storages: [Int]) -> [UInt8] {
    var members = [("m/data.pkl", pickle), ("m/byteorder", Array("little".utf8))]
    for (index, size) in storages.enumerated() {
      members.append(("m/data/\(index)", [UInt8](repeating: 1, count: size)))
    }
    var archive = ByteWriter()
    var directory = ByteWriter()
    for (name, bytes) in members {
      directory.uint32(0x0201_4B50)
      directory.uint16(0)
      header(of: name, bytes.count, comment: 3, place: archive.count, into: &directory)
      archive.uint32(0x0403_4B50)
      header(of: name, bytes.count, comment: 0, place: nil, into: &archive)
      archive.append(bytes)
    }
    let start = archive.count
    archive.append(directory.bytes)
    archive.uint32(0x0605_4B50)
    archive.uint32(0)
    for _ in 0..<2 { archive.uint16(UInt16(members.count)) }
    archive.uint32(UInt32(archive.count - start - 12))
    archive.uint32(UInt32(start))
    archive.uint16(0)
    return archive.bytes
  }

  /// What local header and entry have in common and, for an entry, what follows.
  private static func header(
    of name: String, _ size: Int, comment fields: Int, place: Int?, into writer: inout ByteWriter
  ) {
    // Version, flags, method; time, date, checksum.
    for _ in 0..<3 { writer.uint16(0) }
    for _ in 0..<2 { writer.uint32(0) }
    for _ in 0..<2 { writer.uint32(UInt32(size)) }
    writer.uint16(UInt16(name.utf8.count))
    writer.uint16(0)
    if let place {
      // Comment, disk, attributes.
      for _ in 0..<fields { writer.uint16(0) }
      writer.uint32(0)
      writer.uint32(UInt32(place))
    }
    writer.text(name)
  }
}
