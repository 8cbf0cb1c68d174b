import MartletModel
import MartletReference
import MartletTestSupport
import Testing

/// A network of one layer with seeded parameters, and the tolerance its result is held to.
struct OneOp {
  let network: Network
  let parameters: [String: [Float]]
  /// The same, widened once.
  private let exact: [String: [Double]]

  /// `op` receives the builder to declare its parameters with; inputs are named `x0`, `x1` …
  init(
    _ inputs: [ValueShape], seed: UInt64 = 1, repeatingFirst: Int = 1,
    _ op: (inout NetworkBuilder) -> Op
  ) throws {
    var builder = NetworkBuilder(role: .vision)
    let ids = inputs.enumerated().map { builder.input("x\($0)", $1) }
    let made = op(&builder)
    let output: ValueID
    switch (ids.count, repeatingFirst) {
    case (1, 2): output = builder.layer("op", made, ids[0], ids[0])
    case (1, _): output = builder.layer("op", made, ids[0])
    case (2, _): output = builder.layer("op", made, ids[0], ids[1])
    default: output = builder.layer("op", made, ids[0], ids[1], ids[2])
    }
    network = try builder.finished(output: output)
    var generator = SeededGenerator(seed: seed)
    var parameters: [String: [Float]] = [:]
    for parameter in network.parameters {
      // Variances must be positive; a positive range does no harm to the others.
      let isVariance = parameter.name.hasSuffix("variance")
      parameters[parameter.name] = generator.floats(
        parameter.count, in: isVariance ? 0.1...2 : -1...1)
    }
    self.parameters = parameters
    exact = parameters.mapValues { $0.map(Double.init) }
  }

  func run(
    _ inputs: [ReferenceTensor], threads: Int = 2
  ) throws -> ReferenceTensor {
    try executor(threads: threads).run(inputs.map(ReferenceInput.tensor))
  }

  func executor(threads: Int = 2) throws -> ReferenceExecutor {
    try ReferenceExecutor(
      network: network, parameters: ParameterTable(parameters),
      options: ReferenceOptions(threads: threads))
  }

  subscript(_ name: String) -> [Double] { exact["vision.\(name)"] ?? [] }
}

/// Sums in double precision that also know how far single precision may be off.
struct ExactSum {
  private(set) var value = 0.0
  private var magnitude = 0.0
  private var terms = 0

  mutating func add(_ term: Double) {
    value += term
    magnitude += abs(term)
    terms += 1
  }

  /// Any order of `terms` additions of rounded products is off by at most this (Higham, Accuracy and Stability, 3.1),
  /// with a few more roundings for what stands around the sum.
  var tolerance: Double { Double(terms + 6) * 0x1p-24 * magnitude + 1e-30 }
}

func expectClose(
  _ found: ReferenceTensor, _ expected: [ExactSum],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.data.count == expected.count, sourceLocation: sourceLocation)
  for (index, sum) in expected.enumerated() where index < found.data.count {
    let error = abs(Double(found.data[index]) - sum.value)
    if !(error <= sum.tolerance) {
      Issue.record(
        "element \(index): \(found.data[index]), expected \(sum.value) ± \(sum.tolerance)",
        sourceLocation: sourceLocation)
      return
    }
  }
}

/// For ops without a simple bound: every element within `relative` of the largest.
func expectClose(
  _ found: [Float], _ expected: [Double], relative: Double,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.count == expected.count, sourceLocation: sourceLocation)
  let scale = expected.reduce(0) { max($0, abs($1)) }
  for index in expected.indices where index < found.count {
    let error = abs(Double(found[index]) - expected[index])
    if !(error <= relative * scale) {
      Issue.record(
        "element \(index): \(found[index]), expected \(expected[index]), largest \(scale)",
        sourceLocation: sourceLocation)
      return
    }
  }
}

extension ReferenceTensor {
  static func random(_ height: Int, _ width: Int, _ channels: Int, seed: UInt64 = 99) -> Self {
    var generator = SeededGenerator(seed: seed)
    return ReferenceTensor(
      height: height, width: width, channels: channels,
      data: generator.floats(height * width * channels))
  }

  static func random(rows: Int, channels: Int, seed: UInt64 = 99) -> Self {
    random(rows, 1, channels, seed: seed)
  }

  /// Zero outside the map.
  func at(_ y: Int, _ x: Int, _ c: Int) -> Double {
    guard y >= 0, y < height, x >= 0, x < width else { return 0 }
    return Double(data[(y * width + x) * channels + c])
  }
}
