import CHDF5
import MartletBytes

/// The data sets of a file as tensors.
struct HDF5Contents {
  private(set) var contents = CheckpointContents()

  /// What Keras calls the group of the weights, and puts behind every name.
  private static let kerasGroup = "model_weights."
  private static let kerasSuffix = ":0"

  /// Bytes that the rehearsal reads at a time.
  private static let piece = 16 << 20

  /// Damaged files make the library crash or hang. So a copy of the process reads the whole file first: every header, and
  /// the numbers that only the library can read. Where the copy comes through, this process does the same.
  init(of mapped: MappedFile) throws(CheckpointError) {
    // A hundredth of the speed of the slowest disk.
    let seconds = 1 + mapped.count >> 20
    let ending = HDF5Library.rehearsal(seconds: seconds) {
      guard let tried = try? HDF5Contents(reading: mapped) else { return }
      for tensor in tried.contents.tensors { try? Self.readAll(tensor) }
    }
    if ending != 0 {
      throw .hdf5(
        path: mapped.path, object: "", expected: "a file that libhdf5 survives",
        found: ending == MARTLET_H5_NO_COPY
          ? "no room to try it"
          : ending < 0 ? "one that ends it" : "one that ends it by signal \(ending)")
    }
    try self.init(reading: mapped)
  }

  private static func readAll(_ tensor: CheckpointTensor) throws(CheckpointError) {
    guard case .decoded(let decoder) = tensor.storage else { return }
    let step = max(1, piece / tensor.elementType.byteCount)
    for start in stride(from: 0, to: tensor.count, by: step) {
      _ = try decoder.bytes(of: tensor, elements: start..<min(tensor.count, start + step))
    }
  }

  private init(reading mapped: MappedFile) throws(CheckpointError) {
    let file = try HDF5File(mapped)
    var found = try file.dataSets()
    let fileName = Directory.name(of: mapped.path)
    let keras = found.filter { $0.name.hasPrefix(Self.kerasGroup) }
    if !keras.isEmpty {
      let others = found.filter { !$0.name.hasPrefix(Self.kerasGroup) }
      if !others.isEmpty {
        contents.remarks.append(
          .entriesNotRead(
            file: fileName, count: others.count, names: others.prefix(4).map(\.name)))
      }
      found = keras.map { .init(object: $0.object, name: Self.kerasName($0.name)) }
      contents.remarks.append(.prefixRemoved(file: fileName, prefix: Self.kerasGroup))
    }
    var objects: [String: String] = [:]
    for entry in found {
      if let other = objects.updateValue(entry.object, forKey: entry.name) {
        throw file.error(entry.object, "a name of its own", "that of '\(other)'")
      }
      let set = try HDF5DataSet(entry.object, in: file)
      contents.tensors.append(
        CheckpointTensor(
          name: entry.name, elementType: set.elementType, shape: set.shape, file: mapped.path,
          storage: set.contiguous.map { .contiguous($0) }
            ?? .decoded(HDF5Tensor(set, in: file))))
    }
  }

  /// Keras repeats a layer's name inside its group and numbers its variables: `model_weights/a/a/kernel:0` is `a.kernel`.
  private static func kerasName(_ name: String) -> String {
    var name = String(name.dropFirst(kerasGroup.count))
    if name.hasSuffix(kerasSuffix) { name.removeLast(kerasSuffix.count) }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    // `a.b.a.b.kernel`: the first half of what stands before the variable is the second once more.
    let layer = parts.dropLast()
    let half = layer.count / 2
    if half > 0, layer.count % 2 == 0, layer.prefix(half) == layer.suffix(half) {
      return parts.dropFirst(half).joined(separator: ".")
    }
    return name
  }
}

/// The numbers of a data set that only the library can read.
final class HDF5Tensor: TensorDecoder {
  private let file: HDF5File
  private let set: HDF5DataSet

  init(_ set: HDF5DataSet, in file: HDF5File) {
    self.set = set
    self.file = file
  }

  func bytes(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [UInt8] {
    if elements.isEmpty { return [] }
    let size = set.elementType.byteCount
    let width = set.shape.dropFirst().reduce(1, *)
    let first = set.shape.isEmpty ? 0 : elements.lowerBound / width
    let last = set.shape.isEmpty ? 1 : (elements.upperBound - 1) / width + 1
    var bytes = try rows(first..<last, width: width)
    let skipped = (elements.lowerBound - first * width) * size
    if skipped > 0 || bytes.count > elements.count * size {
      bytes = Array(bytes[skipped..<skipped + elements.count * size])
    }
    if set.isBigEndian { Self.reverse(&bytes, size: size) }
    return bytes
  }

  /// Rows as they are stored; for a scalar, its one element.
  private func rows(
    _ range: Range<Int>, width: Int
  ) throws(CheckpointError) -> [UInt8] {
    let byteCount = range.count * width * set.elementType.byteCount
    return try file.withDataSet(set.object) { (id: hid_t) throws(CheckpointError) in
      guard let type = HDF5ID(H5Dget_type(id), close: H5Tclose),
        let target = HDF5ID(H5Dget_space(id), close: H5Sclose)
      else { throw file.error(set.object, "a type and a shape", HDF5Library.reason) }
      // SAFETY: arrays of one entry an extent; the numbers of the selection are those of the buffer, which was sized from
      // the same shape, and the type in memory is the file's own, so nothing is converted.
      var memory: hid_t = 0
      defer { if memory > 0 { _ = H5Sclose(memory) } }
      if !set.shape.isEmpty {
        var start = [hsize_t](repeating: 0, count: set.shape.count)
        var count = set.shape.map { hsize_t($0) }
        start[0] = hsize_t(range.lowerBound)
        count[0] = hsize_t(range.count)
        if unsafe H5Sselect_hyperslab(target.id, H5S_SELECT_SET, &start, nil, &count, nil) < 0 {
          throw file.error(set.object, "rows \(range)", HDF5Library.reason)
        }
        memory = unsafe H5Screate_simple(Int32(set.shape.count), &count, nil)
        if memory < 0 { throw file.error(set.object, "rows \(range)", HDF5Library.reason) }
      }
      guard H5Tget_size(type.id) == set.elementType.byteCount,
        H5Sget_select_npoints(target.id) == range.count * width
      else { throw file.error(set.object, "the shape it had", "another") }
      var code: herr_t = -1
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
        code = unsafe H5Dread(id, type.id, memory, target.id, 0, buffer.baseAddress)
        if code < 0 { unsafe buffer.initialize(repeating: 0) }
        filled = byteCount
      }
      if code < 0 { throw file.error(set.object, "readable data", HDF5Library.reason) }
      return bytes
    }
  }

  /// Big-endian elements to little-endian ones.
  private static func reverse(_ bytes: inout [UInt8], size: Int) {
    if size == 1 { return }
    for start in stride(from: 0, to: bytes.count, by: size) {
      for index in 0..<size / 2 { bytes.swapAt(start + index, start + size - 1 - index) }
    }
  }
}
