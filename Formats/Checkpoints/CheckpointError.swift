import MartletBytes

/// What can be wrong with a checkpoint. Cases carry evidence; `Tools/` words them.
///
/// `path` is the file the fault lies in; offsets count bytes from its start.
package enum CheckpointError: Error, Equatable, Sendable {
  /// A file could not be read or written, or is not text, JSON or long enough.
  case file(BytesError)
  /// Nothing stands at this path.
  case missing(path: String)
  /// A directory without any file of weights.
  case noWeights(directory: String)
  /// A directory holds several files that are a model each; which is meant cannot be known.
  case severalModels(directory: String, files: [String])
  /// The file is of a kind that is known but not read.
  case unsupportedFormat(path: String, found: String)
  /// The file is of no known kind.
  case unknownFormat(path: String, firstBytes: [UInt8])

  // The header of a safetensors file

  /// The header's length exceeds the file, or what a header may have.
  case headerSize(path: String, found: UInt64, limit: Int)
  /// A part of the header is not of the kind it must be. `tensor` is empty for the header itself.
  case headerField(path: String, tensor: String, field: String, expected: String, found: String)
  /// An entry holds a field that no version of the format has.
  case unknownField(path: String, tensor: String, field: String)
  /// An element type that Martlet cannot name.
  case unknownElementType(path: String, tensor: String, found: String)
  /// The number of elements or bytes of this shape exceeds every file.
  case shapeOverflow(path: String, tensor: String, shape: [Int])
  /// The shape needs `expected` bytes where the offsets give `found`; the data starts at `offset`.
  case tensorSize(
    path: String, tensor: String, elementType: ElementType, shape: [Int], expected: Int, found: Int,
    offset: Int)
  /// The data of a tensor ends at `end`, in a file of `byteCount` bytes: cut short, or a lying header.
  case dataBeyondEnd(path: String, tensor: String, end: Int, byteCount: Int)
  /// Two tensors share bytes from `offset` on.
  case overlap(path: String, first: String, second: String, offset: Int)
  /// Bytes before this tensor belong to no tensor.
  case hole(path: String, tensor: String, expected: Int, found: Int)
  /// The file goes on behind the last tensor.
  case trailingBytes(path: String, end: Int, byteCount: Int)

  // The header of a GGUF file

  /// A part of the header breaks a rule; `offset` is its place. `field` is a pair's key, a tensor's name, or a part
  /// of the fixed front.
  case ggufField(path: String, offset: Int, field: String, expected: String, found: String)
  // Torch files

  /// A ZIP archive is not as it must be at this byte. `member` is empty for the archive itself.
  case zip(path: String, member: String, offset: Int, expected: String, found: String)
  /// A member of a ZIP archive is compressed; torch stores them all.
  case compressedMember(path: String, member: String, method: Int)
  /// A pickle is not the description of tensors it must be, at this byte of the file.
  case pickle(path: String, offset: Int, expected: String, found: String)
  /// A pickle names something of Python that no checkpoint needs: it would run code or hold no tensors.
  case pickleGlobal(path: String, offset: Int, name: String)
  /// The data of a storage is not as the pickle states it.
  case torchStorage(path: String, storage: String, expected: String, found: String, offset: Int)
  /// A tensor needs more elements than its storage has; both count elements of the tensor's type.
  case torchView(
    path: String, tensor: String, storage: String, shape: [Int], strides: [Int], end: Int,
    available: Int)

  // HDF5 files

  /// An object is not as it must be. `object` is its path in the file, empty for the file itself; `found` may be the
  /// library's own words.
  case hdf5(path: String, object: String, expected: String, found: String)

  // mlx exports

  /// Words, scales and offsets of a quantized matrix do not fit each other or the configuration.
  case mlx(path: String, tensor: String, expected: String, found: String)

  // Several files

  /// Two files hold a tensor of the same name.
  case duplicateTensor(name: String, first: String, second: String)
  /// A part of an index is not of the kind it must be.
  case indexField(path: String, field: String, expected: String, found: String)
  /// An index names a file outside its directory.
  case shardOutsideDirectory(index: String, file: String)
  /// An index names a file that is not there.
  case missingShard(index: String, file: String)
  /// A file says that it is one of `count`, and another of them is not there.
  case missingPart(path: String, file: String, count: Int)
  /// An index says that a file holds a tensor, which it does not.
  case tensorNotInShard(index: String, tensor: String, file: String)
  /// A file holds a tensor which its index does not list for it.
  case tensorNotInIndex(index: String, tensor: String, file: String)

  // Asking for tensors

  case noSuchTensor(name: String)
  /// Numbers of another kind were asked for than the tensor has.
  case elementTypeMismatch(tensor: String, expected: String, found: ElementType)
}
