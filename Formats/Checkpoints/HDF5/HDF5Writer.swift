import CHDF5
import MartletBytes

/// Writes tensors as data sets of one HDF5 file, each under its name at the root, contiguous and little-endian.
///
/// The file is made in memory, so that it appears whole or not at all; it is for traces, not for weights.
package enum HDF5Writer {
  /// - Throws: `hdf5` where the library refuses, `file`.
  package static func write(
    _ tensors: [(declaration: TensorDeclaration, bytes: [UInt8])], to path: String
  ) throws(CheckpointError) {
    let image = try HDF5Library.calls { () throws(CheckpointError) in
      // SAFETY: the name is valid during the call; nothing of this name is made on disk.
      guard let file = HDF5ID(unsafe martlet_h5_create_image(path), close: H5Fclose) else {
        throw failure(path, "", "a file in memory")
      }
      for (declaration, bytes) in tensors {
        precondition(bytes.count == declaration.byteCount, "the bytes are those of the shape")
        try add(declaration, bytes, to: file.id, path)
      }
      if H5Fflush(file.id, H5F_SCOPE_GLOBAL) < 0 { throw failure(path, "", "a whole file") }
      // Without a buffer only the size is returned.
      let size = H5Fget_file_image(file.id, nil, 0)
      if size <= 0 { throw failure(path, "", "a file image") }
      var image = [UInt8](repeating: 0, count: size)
      // SAFETY: the buffer has the size that was returned.
      if unsafe H5Fget_file_image(file.id, &image, size) != size {
        throw failure(path, "", "a file image")
      }
      return image
    }
    try rethrown { () throws(BytesError) in try AtomicFile.write(image, to: path) }
  }

  private static func failure(
    _ path: String, _ object: String, _ expected: String
  ) -> CheckpointError {
    .hdf5(path: path, object: object, expected: expected, found: HDF5Library.reason)
  }

  private static func add(
    _ declaration: TensorDeclaration, _ bytes: [UInt8], to file: hid_t, _ path: String
  ) throws(CheckpointError) {
    let type = declaration.elementType
    let stored: hid_t
    switch type {
    case .float32: stored = martlet_h5_type(true, true, 4)
    case .int64: stored = martlet_h5_type(false, true, 8)
    case .uint8: stored = martlet_h5_type(false, false, 1)
    case .float64, .float16, .bfloat16, .int32, .int16, .int8, .uint64, .uint32, .uint16, .bool:
      preconditionFailure("traces hold floats, 64-bit integers and bytes")
    }
    var extents = declaration.shape.map { hsize_t($0) }
    precondition(!extents.isEmpty, "traces hold no scalars")
    // SAFETY: one extent a dimension; the bytes are those of the shape; nothing is kept after the calls.
    guard
      let space = HDF5ID(
        unsafe H5Screate_simple(Int32(extents.count), &extents, nil), close: H5Sclose),
      let set = HDF5ID(
        unsafe H5Dcreate2(file, declaration.name, stored, space.id, 0, 0, 0), close: H5Dclose),
      bytes.isEmpty || (unsafe H5Dwrite(set.id, stored, 0, 0, 0, bytes)) >= 0
    else { throw failure(path, "/" + declaration.name, "a data set") }
  }
}
