/// Makes the numbers of tensors that lie in no file.
package protocol TensorMaker: AnyObject, Sendable {
  /// Some elements of a float tensor, as its element type holds them.
  func floats(_ name: String, elements: Range<Int>) -> [Float]
}

/// Made tensors, as a format would decode them.
final class MadeTensors: TensorDecoder {
  private let maker: any TensorMaker

  init(_ maker: any TensorMaker) { self.maker = maker }

  func floats(of tensor: CheckpointTensor, elements: Range<Int>) -> [Float] {
    maker.floats(tensor.name, elements: elements)
  }

  func bytes(of tensor: CheckpointTensor, elements: Range<Int>) -> [UInt8] {
    tensor.elementType.bytes(of: floats(of: tensor, elements: elements))
  }
}
