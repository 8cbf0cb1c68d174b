import CHDF5
import MartletBytes

/// One data set: what its header says, checked against what the file has.
struct HDF5DataSet {
  let object: String
  let elementType: ElementType
  let shape: [Int]
  let isBigEndian: Bool
  /// Where the elements lie in the file, if they lie there one after the other.
  let contiguous: Range<Int>?

  /// Deflate cannot make less than a thousandth of anything; weights never fall below a tenth. Constant tensors may, so
  /// the first megabyte of a data set is free.
  static let largestExpansion = 256
  static let freeBytes = 1 << 20
  static let largestChunk = 256 << 20
  private static let deflate = H5Z_filter_t(1)
  private static let shuffle = H5Z_filter_t(2)

  init(_ object: String, in file: HDF5File) throws(CheckpointError) {
    (elementType, shape, isBigEndian, contiguous) = try file.withDataSet(object) {
      (id: hid_t) throws(CheckpointError) in
      let (type, isBig) = try Self.type(of: id, object, file)
      let shape = try Self.shape(of: id, object, file)
      guard let byteCount = type.byteCount(shape: shape) else {
        throw .shapeOverflow(path: file.path, tensor: object, shape: shape)
      }
      let range = try Self.storage(of: id, byteCount: byteCount, type, shape, object, file)
      return (type, shape, isBig, isBig && type.byteCount > 1 ? nil : range)
    }
    self.object = object
  }

  // MARK: Type

  private static func type(
    of set: hid_t, _ object: String, _ file: HDF5File
  ) throws(CheckpointError) -> (ElementType, isBigEndian: Bool) {
    guard let type = HDF5ID(H5Dget_type(set), close: H5Tclose) else {
      throw file.error(object, "a type", HDF5Library.reason)
    }
    let size = H5Tget_size(type.id)
    let kind = H5Tget_class(type.id)
    let isBig = H5Tget_order(type.id) == H5T_ORDER_BE
    if isBig || H5Tget_order(type.id) == H5T_ORDER_LE || size == 1 {
      if kind == H5T_FLOAT, let found = float(type.id, size) { return (found, isBig) }
      if kind == H5T_ENUM, size == 1, H5Tget_nmembers(type.id) == 2 { return (.bool, false) }
      if kind == H5T_INTEGER, H5Tget_precision(type.id) == 8 * size {
        let isSigned = H5Tget_sign(type.id) == H5T_SGN_2
        let found: ElementType? =
          switch size {
          case 1: isSigned ? .int8 : .uint8
          case 2: isSigned ? .int16 : .uint16
          case 4: isSigned ? .int32 : .uint32
          case 8: isSigned ? .int64 : .uint64
          default: nil
          }
        if let found {
          let isBFloat = found == .uint16 && isMarkedBFloat16(set)
          return (isBFloat ? .bfloat16 : found, isBig)
        }
      }
    }
    throw .unknownElementType(
      path: file.path, tensor: object, found: "HDF5 class \(kind.rawValue) of \(size) bytes")
  }

  /// IEEE floats of 2, 4 and 8 bytes, and bfloat16, told by their fields.
  private static func float(_ type: hid_t, _ size: Int) -> ElementType? {
    var (sign, exponent, exponentBits, fraction, fractionBits) = (0, 0, 0, 0, 0)
    // SAFETY: the pointers are valid during the call.
    if unsafe H5Tget_fields(
      type, &sign, &exponent, &exponentBits, &fraction, &fractionBits) < 0
    {
      return nil
    }
    let bias = H5Tget_ebias(type)
    let fields = [sign, exponent, exponentBits, fraction, fractionBits, Int(clamping: bias)]
    switch size {
    case 2 where fields == [15, 10, 5, 0, 10, 15]: return .float16
    case 2 where fields == [15, 7, 8, 0, 7, 127]: return .bfloat16
    case 4 where fields == [31, 23, 8, 0, 23, 127]: return .float32
    case 8 where fields == [63, 52, 11, 0, 52, 1023]: return .float64
    default: return nil
    }
  }

  /// Whether the attribute `dtype` is the text `bfloat16`, of fixed or variable length.
  private static func isMarkedBFloat16(_ set: hid_t) -> Bool {
    // SAFETY: the names are valid during the calls; the buffer holds what the type's size says.
    guard unsafe H5Aexists(set, "dtype") > 0,
      let attribute = HDF5ID(unsafe H5Aopen(set, "dtype", 0), close: H5Aclose),
      let type = HDF5ID(H5Aget_type(attribute.id), close: H5Tclose),
      let space = HDF5ID(H5Aget_space(attribute.id), close: H5Sclose),
      H5Tget_class(type.id) == H5T_STRING, H5Sget_simple_extent_npoints(space.id) == 1
    else { return false }
    let expected = Array("bfloat16".utf8)
    if H5Tis_variable_str(type.id) > 0 {
      var text: UnsafeMutablePointer<CChar>?
      guard unsafe H5Aread(attribute.id, type.id, &text) >= 0, let text = unsafe text else {
        return false
      }
      let found = unsafe String(validatingCString: text)
      unsafe H5free_memory(text)
      return found.map { Array($0.utf8) } == expected
    }
    let size = H5Tget_size(type.id)
    guard size >= expected.count, size <= 64 else { return false }
    var bytes = [UInt8](repeating: 0, count: size)
    guard unsafe H5Aread(attribute.id, type.id, &bytes) >= 0 else { return false }
    return Array(bytes.prefix { $0 != 0 && $0 != 0x20 }) == expected
  }

  // MARK: Shape

  private static func shape(
    of set: hid_t, _ object: String, _ file: HDF5File
  ) throws(CheckpointError) -> [Int] {
    guard let space = HDF5ID(H5Dget_space(set), close: H5Sclose) else {
      throw file.error(object, "a shape", HDF5Library.reason)
    }
    switch H5Sget_simple_extent_type(space.id) {
    case H5S_SCALAR: return []
    case H5S_SIMPLE: break
    default: throw file.error(object, "a shape", "none")
    }
    let rank = Int(H5Sget_simple_extent_ndims(space.id))
    var extents = [hsize_t](repeating: 0, count: max(0, rank))
    // SAFETY: the library writes `rank` extents.
    if rank < 1 || rank > 32
      || (unsafe H5Sget_simple_extent_dims(space.id, &extents, nil)) != Int32(rank)
    {
      throw file.error(object, "1 to 32 extents", "\(rank)")
    }
    var shape: [Int] = []
    for extent in extents {
      guard let size = Int(exactly: extent) else {
        throw file.error(object, "extents below 2^63", "\(extent)")
      }
      shape.append(size)
    }
    return shape
  }

  // MARK: Storage

  /// - Returns: where contiguous elements lie; `nil` for other layouts.
  private static func storage(
    of set: hid_t, byteCount: Int, _ type: ElementType, _ shape: [Int], _ object: String,
    _ file: HDF5File
  ) throws(CheckpointError) -> Range<Int>? {
    guard let list = HDF5ID(H5Dget_create_plist(set), close: H5Pclose) else {
      throw file.error(object, "a layout", HDF5Library.reason)
    }
    let stored = H5Dget_storage_size(set)
    if H5Pget_external_count(list.id) != 0 {
      throw file.error(object, "data in the file itself", "data in other files")
    }
    if stored > hsize_t(file.byteCount) {
      throw file.error(object, "at most the file's \(file.byteCount) bytes", "\(stored)")
    }
    switch H5Pget_layout(list.id) {
    case H5D_COMPACT, H5D_CONTIGUOUS:
      if stored != hsize_t(byteCount) {
        throw file.error(object, "\(byteCount) stored bytes", "\(stored)")
      }
      if byteCount == 0 || H5Pget_layout(list.id) == H5D_COMPACT { return nil }
      let offset = H5Dget_offset(set)
      guard offset <= haddr_t(file.byteCount - byteCount) else {
        throw file.error(object, "data that ends at byte \(file.byteCount)", "data at \(offset)")
      }
      return Int(offset)..<Int(offset) + byteCount
    case H5D_CHUNKED:
      try checkFilters(list.id, object, file)
      try checkChunks(set, list.id, byteCount: byteCount, Int(stored), type, shape, object, file)
      return nil
    default:
      throw file.error(object, "contiguous or chunked data", "a virtual data set")
    }
  }

  private static func checkFilters(
    _ list: hid_t, _ object: String, _ file: HDF5File
  ) throws(CheckpointError) {
    let count = H5Pget_nfilters(list)
    guard count >= 0, count <= 8 else {
      throw file.error(object, "at most 8 filters", "\(count)")
    }
    for index in 0..<UInt32(count) {
      var (flags, values) = (UInt32(0), 0)
      // SAFETY: no values and no name are asked for; the other pointers are valid during the call.
      let filter = unsafe H5Pget_filter2(list, index, &flags, &values, nil, 0, nil, nil)
      if filter != deflate && filter != shuffle {
        throw file.error(object, "deflate and shuffle only", "filter \(filter)")
      }
    }
  }

  private static func checkChunks(
    _ set: hid_t, _ list: hid_t, byteCount: Int, _ stored: Int, _ type: ElementType,
    _ shape: [Int], _ object: String, _ file: HDF5File
  ) throws(CheckpointError) {
    var extents = [hsize_t](repeating: 0, count: 32)
    // SAFETY: the library writes at most the 32 extents that are there.
    guard unsafe H5Pget_chunk(list, 32, &extents) == Int32(shape.count) else {
      throw file.error(object, "chunks of \(shape.count) extents", "others")
    }
    let chunk = extents.prefix(shape.count).map { Int(clamping: $0) }
    let expanded = stored.multipliedReportingOverflow(by: largestExpansion)
    if byteCount > freeBytes, !expanded.overflow, byteCount > expanded.partialValue {
      throw file.error(
        object, "at most \(largestExpansion) times the \(stored) stored bytes", "\(byteCount)")
    }
    // The library unpacks a chunk whole, however little of it belongs to the data set.
    let limit = min(largestChunk, max(freeBytes, expanded.overflow ? .max : expanded.partialValue))
    guard !chunk.contains(0), let chunkBytes = type.byteCount(shape: chunk), chunkBytes <= limit
    else {
      throw file.error(object, "chunks of at most \(limit) bytes", "chunks of \(chunk)")
    }
    // Elements of a chunk that was never written would be made up.
    var expected = 1
    for (extent, step) in zip(shape, chunk) {
      expected *= extent / step + (extent % step == 0 ? 0 : 1)
    }
    var found: hsize_t = 0
    if shape.contains(0) { expected = 0 }
    guard let space = HDF5ID(H5Dget_space(set), close: H5Sclose) else {
      throw file.error(object, "a shape", HDF5Library.reason)
    }
    // SAFETY: the pointer is valid during the call.
    if expected > 0,
      unsafe H5Dget_num_chunks(set, space.id, &found) < 0 || found != hsize_t(expected)
    {
      throw file.error(object, "\(expected) chunks", "\(found)")
    }
  }
}
