import MartletModel

/// Numbers that are computed when asked for, in f64, however long the chain of equations behind them.
///
/// Every call computes anew and keeps nothing, so folding a model holds no more than one layer at a time.
struct LazyTensor: Sendable {
  /// Outermost first; the values are row-major.
  let shape: [Int]
  private let compute: @Sendable () throws(ModelError) -> [Double]

  var count: Int { shape.reduce(1, *) }

  init(shape: [Int], compute: @escaping @Sendable () throws(ModelError) -> [Double]) {
    self.shape = shape
    self.compute = compute
  }

  /// A parameter as its source stores it.
  init(_ parameter: Parameter, from source: any FloatParameters) {
    let name = parameter.name
    let count = parameter.count
    self.init(shape: parameter.shape) { () throws(ModelError) in
      let stored = try source.values(of: name)
      if stored.count != count {
        throw .parameterUnavailable(
          name: name, reason: "\(stored.count) values where the shape holds \(count)")
      }
      return widened(stored)
    }
  }

  /// - Throws: what reading the source parameters throws.
  func values() throws(ModelError) -> [Double] {
    let values = try compute()
    precondition(values.count == count, "an equation gave the wrong number of values")
    return values
  }

  /// The values rounded once, to f32.
  /// - Throws: `notFinite` at the first value that f32 cannot hold.
  func rounded(name: String) throws(ModelError) -> [Float] {
    let wide = try values()
    var narrow = [Float](repeating: 0, count: wide.count)
    for index in wide.indices {
      let value = Float(wide[index])
      if !value.isFinite { throw .notFinite(parameter: name, index: index) }
      narrow[index] = value
    }
    return narrow
  }
}

private func widened(_ values: [Float]) -> [Double] {
  var wide = [Double](repeating: 0, count: values.count)
  for index in values.indices { wide[index] = Double(values[index]) }
  return wide
}
