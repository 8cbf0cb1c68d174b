import MartletCheckpoints

/// A tensor of a random checkpoint.
struct SyntheticTensor: Sendable {
  enum Content: Sendable {
    case floats(Numbers)
    /// A scalar count.
    case counter(Int)
  }
  var name: String
  let shape: [Int]
  let content: Content

  /// Its declaration in a file.
  func declaration(type: ElementType) throws(CheckpointError) -> TensorDeclaration {
    switch content {
    case .floats: try TensorDeclaration(name, type, shape)
    case .counter: try TensorDeclaration(name, .int64, shape)
    }
  }
}

/// Collects the tensors of a checkpoint under the names of Apple's layout.
struct TensorList {
  let drawing: Drawing
  /// Whether units are written as their branches.
  let isTrainTime: Bool
  private(set) var tensors: [SyntheticTensor] = []

  init(drawing: Drawing, isTrainTime: Bool) {
    self.drawing = drawing
    self.isTrainTime = isTrainTime
  }

  mutating func add(_ name: String, _ shape: [Int], _ numbers: Numbers) {
    precondition(shape.reduce(1, *) == numbers.count, "numbers fill their shape")
    tensors.append(SyntheticTensor(name: name, shape: shape, content: .floats(numbers)))
  }

  /// Draws a tensor under its own name.
  mutating func add(_ name: String, _ shape: [Int], _ law: Law) {
    add(name, shape, drawing.draw(name, shape.reduce(1, *), law))
  }

  /// The five tensors of a batch norm.
  mutating func add(_ path: String, _ norm: DrawnNorm) {
    let channels = norm.gamma.count
    add("\(path).weight", [channels], norm.gamma)
    add("\(path).bias", [channels], norm.beta)
    add("\(path).running_mean", [channels], norm.mean)
    add("\(path).running_var", [channels], norm.variance)
    // A number of steps as long training has.
    tensors.append(
      SyntheticTensor(
        name: "\(path).num_batches_tracked", shape: [], content: .counter(250_000)))
  }

  /// A branch in train-time form.
  mutating func add(_ path: String, _ branch: DrawnBranch, inputsPerGroup: Int) {
    guard let kernel = branch.kernel else {
      add(path, branch.norm)
      return
    }
    let outputs = branch.norm.gamma.count
    add(
      "\(path).conv.weight", [outputs, inputsPerGroup, kernel.side, kernel.side], kernel.weight)
    add("\(path).bn", branch.norm)
  }

  /// A fused kernel: weight and bias.
  mutating func add(
    _ path: String, outputs: Int, inputsPerGroup: Int, side: Int,
    fusing fuse: @escaping @Sendable (inout FusedKernel) -> Void
  ) {
    let fused: @Sendable () -> FusedKernel = {
      var kernel = FusedKernel(outputs: outputs, inputsPerGroup: inputsPerGroup, side: side)
      fuse(&kernel)
      return kernel
    }
    let shape = [outputs, inputsPerGroup, side, side]
    add("\(path).weight", shape, drawing.derive(shape.reduce(1, *)) { fused().weight })
    add("\(path).bias", [outputs], drawing.derive(outputs) { fused().bias })
  }
}
