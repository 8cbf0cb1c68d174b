import MartletBytes

/// One tensor of a checkpoint: where its numbers lie, none of them read yet.
package struct CheckpointTensor: Equatable, Sendable {
  package let name: String
  package let elementType: ElementType
  /// Row-major; `[]` is a scalar.
  package let shape: [Int]
  /// Path of the file.
  package let file: String
  package let storage: TensorStorage

  /// The shape's size in elements and bytes must not overflow: whoever makes a tensor has checked that.
  package init(
    name: String, elementType: ElementType, shape: [Int], file: String, storage: TensorStorage
  ) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.file = file
    self.storage = storage
  }

  /// Elements; 1 for a scalar.
  package var count: Int { shape.reduce(1, *) }

  /// How the numbers are stored, for listings: the element type, or the decoder's own word.
  package var storedType: String {
    if case .decoded(let decoder) = storage, !decoder.storedType.isEmpty {
      return decoder.storedType
    }
    return elementType.rawValue
  }

  /// The same numbers under another name.
  package func renamed(_ name: String) -> CheckpointTensor {
    CheckpointTensor(
      name: name, elementType: elementType, shape: shape, file: file, storage: storage)
  }
}

/// How the numbers of a tensor lie in its file.
package enum TensorStorage: Equatable, Sendable {
  /// Row-major, one after the other in these bytes, which are exactly the shape's.
  case contiguous(Range<Int>)
  /// Spread over these bytes: element `[i, j, …]` lies `i · strides[0] + j · strides[1] + …` elements behind
  /// the first byte. Strides are not negative, and every element lies within the bytes.
  case strided(Range<Int>, strides: [Int])
  /// Only the decoder knows: compressed, quantized, in a library's hands, or made.
  case decoded(any TensorDecoder)

  package static func == (left: TensorStorage, right: TensorStorage) -> Bool {
    switch (left, right) {
    case (.contiguous(let a), .contiguous(let b)): a == b
    case (.strided(let a, let strides), .strided(let b, let others)): a == b && strides == others
    case (.decoded(let a), .decoded(let b)): a === b
    default: false
    }
  }

  /// The bytes of the mapped file that belong to the tensor, where there are such.
  package var byteRange: Range<Int>? {
    switch self {
    case .contiguous(let range), .strided(let range, strides: _): range
    case .decoded: nil
    }
  }
}

/// Supplies the numbers of tensors that do not lie in a mapped file as they are.
package protocol TensorDecoder: AnyObject, Sendable {
  /// How the numbers are stored, in the format's own word; empty where the element type says it.
  var storedType: String { get }

  /// Some elements in row-major order, as little-endian bytes of the tensor's element type.
  ///
  /// Allocates the result and what one block of the format needs. The range lies within the tensor.
  func bytes(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [UInt8]

  /// Some elements of a float tensor in row-major order.
  func floats(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [Float]

  /// Lets go of the memory of some elements' pages, where the decoder reads mapped files.
  func discard(_ tensor: CheckpointTensor, elements: Range<Int>) throws(CheckpointError)
}

extension TensorDecoder {
  package var storedType: String { "" }

  package func floats(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [Float] {
    let stored = try bytes(of: tensor, elements: elements)
    // SAFETY: bytes have no padding.
    return try unsafe tensor.elementType.floats(from: stored.span.bytes, of: tensor.name)
  }

  package func discard(
    _ tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) {}
}
