import MartletModel

// The algebra that folding equations are written in. Weights are `[outputs, …]`, vectors `[outputs]`.

extension LazyTensor {
  static func zeros(_ shape: [Int]) -> LazyTensor {
    LazyTensor(shape: shape) { () throws(ModelError) in
      [Double](repeating: 0, count: shape.reduce(1, *))
    }
  }

  /// The kernel that hands its input on: for output `o`, 1 at input `o mod inputsPerGroup` and the center
  /// tap, 0 elsewhere; `[outputs, inputsPerGroup, kernel, kernel]`.
  static func delta(outputs: Int, inputsPerGroup: Int, kernel: Int) -> LazyTensor {
    let taps = kernel * kernel
    return LazyTensor(shape: [outputs, inputsPerGroup, kernel, kernel]) { () throws(ModelError) in
      var values = [Double](repeating: 0, count: outputs * inputsPerGroup * taps)
      for output in 0..<outputs {
        values[(output * inputsPerGroup + output % inputsPerGroup) * taps + taps / 2] = 1
      }
      return values
    }
  }

  static func + (a: LazyTensor, b: LazyTensor) -> LazyTensor { combined(a, b) { $0 + $1 } }
  static func - (a: LazyTensor, b: LazyTensor) -> LazyTensor { combined(a, b) { $0 - $1 } }
  static func * (a: LazyTensor, b: LazyTensor) -> LazyTensor { combined(a, b) { $0 * $1 } }

  private static func combined(
    _ a: LazyTensor, _ b: LazyTensor, _ operation: @escaping @Sendable (Double, Double) -> Double
  ) -> LazyTensor {
    precondition(a.shape == b.shape)
    return LazyTensor(shape: a.shape) { () throws(ModelError) in
      var values = try a.values()
      let others = try b.values()
      for index in values.indices { values[index] = operation(values[index], others[index]) }
      return values
    }
  }

  /// `W[o, …] · factor[o]`
  func scalingOutputs(by factor: LazyTensor) -> LazyTensor {
    precondition(factor.shape == [shape[0]])
    let rowLength = count / shape[0]
    return LazyTensor(shape: shape) { () throws(ModelError) in
      var values = try self.values()
      let factors = try factor.values()
      for index in values.indices { values[index] *= factors[index / rowLength] }
      return values
    }
  }

  /// `W[o, …] · factor` for the outputs in `rows`; the others stay.
  func scalingOutputs(_ rows: Range<Int>, by factor: Double) -> LazyTensor {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= shape[0])
    let rowLength = count / shape[0]
    return LazyTensor(shape: shape) { () throws(ModelError) in
      var values = try self.values()
      for index in rows.lowerBound * rowLength..<rows.upperBound * rowLength {
        values[index] *= factor
      }
      return values
    }
  }

  /// `W[o, i, …] · factor[i]`
  func scalingInputs(by factor: LazyTensor) -> LazyTensor {
    let inputs = shape[1]
    precondition(factor.shape == [inputs])
    let taps = count / (shape[0] * inputs)
    return LazyTensor(shape: shape) { () throws(ModelError) in
      var values = try self.values()
      let factors = try factor.values()
      for index in values.indices { values[index] *= factors[index / taps % inputs] }
      return values
    }
  }

  /// `W · v` for a matrix `[outputs, inputs]` and a vector `[inputs]`.
  func times(_ vector: LazyTensor) -> LazyTensor {
    precondition(shape.count == 2 && vector.shape == [shape[1]])
    let (outputs, inputs) = (shape[0], shape[1])
    return LazyTensor(shape: [outputs]) { () throws(ModelError) in
      let matrix = try self.values()
      let factors = try vector.values()
      var product = [Double](repeating: 0, count: outputs)
      for output in 0..<outputs {
        var sum = 0.0
        for input in 0..<inputs { sum += matrix[output * inputs + input] * factors[input] }
        product[output] = sum
      }
      return product
    }
  }

  /// A smaller odd kernel in the middle of a larger one, zeros around it.
  func embedded(in kernel: Int) -> LazyTensor {
    let own = shape[3]
    precondition(shape[2] == own && own <= kernel && (kernel - own) % 2 == 0)
    if own == kernel { return self }
    let (planes, margin) = (shape[0] * shape[1], (kernel - own) / 2)
    return LazyTensor(shape: [shape[0], shape[1], kernel, kernel]) { () throws(ModelError) in
      let small = try self.values()
      var values = [Double](repeating: 0, count: planes * kernel * kernel)
      for plane in 0..<planes {
        for row in 0..<own {
          for column in 0..<own {
            let target = (plane * kernel + row + margin) * kernel + column + margin
            values[target] = small[(plane * own + row) * own + column]
          }
        }
      }
      return values
    }
  }

  /// The same values under another shape.
  func reshaped(_ shape: [Int]) -> LazyTensor {
    precondition(shape.reduce(1, *) == count)
    return LazyTensor(shape: shape) { () throws(ModelError) in try self.values() }
  }
}
