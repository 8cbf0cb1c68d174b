/// Tensors out of the arguments of torch's functions.
extension PickleMachine {
  /// `(storage, offset, shape, strides, requires_grad, hooks)`, and in the newer function the type.
  func tensor(
    _ arguments: [PickleValue], hasType: Bool
  ) throws(CheckpointError) -> TorchTensor {
    guard arguments.count >= (hasType ? 7 : 6), case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1], offset >= 0,
      case .tuple(let shape) = arguments[2], case .tuple(let strides) = arguments[3]
    else { throw error("a tensor's storage, offset, shape and strides", "other values") }
    var type = storages[storage].elementType
    if hasType, case .global(.elementType(let stated)) = arguments[6], type == nil {
      type = stated
    }
    guard let type else { throw error("a tensor's type", "none") }
    // One tuple may serve many tensors, each of which keeps its own extents.
    if tuples[shape].count > Self.extentLimit {
      throw error("at most \(Self.extentLimit) extents", "\(tuples[shape].count)")
    }
    let extents = try integers(shape)
    guard type.byteCount(shape: extents) != nil,
      let layout = StridedLayout(shape: extents, strides: try integers(strides))
    else { throw error("a shape and strides of some memory", "sizes beyond any") }
    return TorchTensor(storage: storage, elementType: type, offset: offset, layout: layout)
  }

  private func integers(_ tuple: Int) throws(CheckpointError) -> [Int] {
    var values: [Int] = []
    for value in tuples[tuple] {
      guard case .integer(let integer) = value else {
        throw error("integers", value.kind)
      }
      values.append(integer)
    }
    return values
  }
}
