import CHDF5
import MartletBytes

/// Reads the data sets of an HDF5 file as tensors, through libhdf5 (the layout is in `Formats/checkpoints.md`).
///
/// In: a mapped file, which the library opens a second time. Out: its tensors; contiguous little-endian data sets as bytes
/// of the mapping, all others decoded when asked for. Refused: links that are not plain, groups that hang on two links,
/// objects that are no data sets of numbers, filters other than deflate and shuffle, virtual and external storage,
/// data sets with missing parts, sizes that the stored bytes cannot explain.
final class HDF5File: Sendable {
  let path: String
  let byteCount: Int
  private let file: hid_t

  /// Groups in groups.
  private static let depthLimit = 32
  /// Links of one file, whatever its size.
  private static let linkLimit = 1 << 20
  private static let nameLimit = 1024

  init(_ mapped: MappedFile) throws(CheckpointError) {
    path = mapped.path
    byteCount = mapped.count
    try Self.checkEnd(of: mapped)
    let path = mapped.path
    let (id, reason) = HDF5Library.calls {
      // SAFETY: the path is valid during the call, which keeps a copy.
      let id = unsafe martlet_h5_open_file(path)
      return (id, id < 0 ? HDF5Library.reason : "")
    }
    if id < 0 {
      throw .hdf5(path: path, object: "", expected: "a whole HDF5 file", found: reason)
    }
    file = id
  }

  deinit {
    let file = file
    HDF5Library.calls { _ = H5Fclose(file) }
  }

  func error(_ object: String, _ expected: String, _ found: String) -> CheckpointError {
    .hdf5(path: path, object: object, expected: expected, found: found)
  }

  /// Compares the end that the superblock states with the file's: the library looks for cuts only.
  private static func checkEnd(of file: MappedFile) throws(CheckpointError) {
    let (version, sizes, end) = try rethrown { () throws(BytesError) in
      try file.withBytes { (bytes: RawSpan) throws(BytesError) -> (UInt8, UInt8, Int) in
        var reader = ByteReader(bytes, source: file.path)
        try reader.skip(8)
        let version = try reader.uint8()
        try reader.skip(version < 2 ? 4 : 0)
        let sizes = try reader.uint8()
        // Up to the base address, which is skipped with what follows it.
        try reader.skip(version == 0 ? 10 + 16 : version == 1 ? 14 + 16 : 2 + 16)
        return (version, sizes, try reader.size())
      }
    }
    if version > 3 || sizes != 8 {
      throw .hdf5(
        path: file.path, object: "", expected: "a superblock of version 0 to 3, 8-byte addresses",
        found: "version \(version), \(sizes)-byte addresses")
    }
    if end < file.count {
      throw .trailingBytes(path: file.path, end: end, byteCount: file.count)
    }
  }

  // MARK: Objects

  /// A data set found, by the names of its groups and its own.
  struct Found {
    /// As the library takes it: `/a/b`.
    var object: String
    /// As tensors are called: `a.b`.
    var name: String
  }

  /// All data sets, in the order of their names.
  func dataSets() throws(CheckpointError) -> [Found] {
    try HDF5Library.calls { () throws(CheckpointError) in
      var walk = Walk()
      var (address, isGroup, isDataSet) = (UInt64(0), false, false)
      // SAFETY: the pointers and the name are valid during the call.
      if unsafe martlet_h5_object(file, "/", &address, &isGroup, &isDataSet) < 0 {
        throw error("/", "a group", HDF5Library.reason)
      }
      walk.groups.insert(address)
      try visit("/", depth: 0, &walk)
      return walk.found
    }
  }

  private struct Walk {
    var found: [Found] = []
    var groups: Set<UInt64> = []
    var links = 0
  }

  private func visit(_ group: String, depth: Int, _ walk: inout Walk) throws(CheckpointError) {
    if depth > Self.depthLimit {
      throw error(group, "groups up to \(Self.depthLimit) deep", "more")
    }
    // SAFETY: names are valid during the calls, which keep none of them.
    guard let open = HDF5ID(unsafe H5Gopen2(file, group, 0), close: H5Gclose) else {
      throw error(group, "a group", HDF5Library.reason)
    }
    var count: UInt64 = 0
    if unsafe martlet_h5_link_count(open.id, &count) < 0 {
      throw error(group, "a group's links", HDF5Library.reason)
    }
    let limit = min(Self.linkLimit, byteCount) - walk.links
    if count > UInt64(max(0, limit)) {
      throw error(group, "at most \(max(0, limit)) links", "\(count)")
    }
    walk.links += Int(count)
    for index in 0..<count {
      let name = try linkName(open.id, index, in: group)
      let object = group == "/" ? "/" + name : group + "/" + name
      var isHard = false
      if unsafe martlet_h5_link(open.id, name, &isHard) < 0 {
        throw error(object, "a link", HDF5Library.reason)
      }
      if !isHard { throw error(object, "a data set or a group", "a soft or external link") }
      var (address, isGroup, isDataSet) = (UInt64(0), false, false)
      if unsafe martlet_h5_object(open.id, name, &address, &isGroup, &isDataSet) < 0 {
        throw error(object, "a data set or a group", HDF5Library.reason)
      }
      if isDataSet {
        walk.found.append(Found(object: object, name: Self.tensorName(object)))
      } else if isGroup {
        if !walk.groups.insert(address).inserted {
          throw error(object, "a group with one name", "one that has another")
        }
        try visit(object, depth: depth + 1, &walk)
      } else {
        throw error(object, "a data set or a group", "another object")
      }
    }
  }

  private static func tensorName(_ object: String) -> String {
    object.dropFirst().split(separator: "/").joined(separator: ".")
  }

  private func linkName(
    _ group: hid_t, _ index: UInt64, in path: String
  ) throws(CheckpointError) -> String {
    var length = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.nameLimit + 1) { buffer, count in
      unsafe buffer.initialize(repeating: 0)
      unsafe buffer.withMemoryRebound(to: CChar.self) { buffer in
        guard let base = buffer.baseAddress else { return }
        // SAFETY: the callee writes at most the size given, its zero included.
        length = unsafe martlet_h5_link_name(group, index, base, Self.nameLimit + 1)
      }
      count = min(max(0, length), Self.nameLimit)
    }
    guard length > 0, length <= Self.nameLimit, let name = String(validating: bytes, as: UTF8.self),
      !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0)
    else {
      throw error(path, "names of 1 to \(Self.nameLimit) bytes of text", "another one")
    }
    return name
  }

  /// Opens a data set, runs the body and closes it.
  func withDataSet<R>(
    _ object: String, _ body: (hid_t) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try HDF5Library.calls { () throws(CheckpointError) in
      // SAFETY: the name is valid during the call, which does not keep it.
      guard let set = HDF5ID(unsafe H5Dopen2(file, object, 0), close: H5Dclose) else {
        throw error(object, "a data set", HDF5Library.reason)
      }
      return try body(set.id)
    }
  }
}
