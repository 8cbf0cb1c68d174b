import MartletModel
import MartletReference
import MartletTestSupport
import Testing

/// Matrices that are neither held nor read whole: an embedding's rows one by one, a product by some outputs at a time.
@Suite struct LargeMatrixTests {
  private func network() throws -> (Network, ParameterTable) {
    var net = NetworkBuilder(role: .language)
    let ids = net.input("ids", .ids)
    let images = net.input("images", .rows(channels: 4))
    let table = net.parameter("table", [9, 4])
    var x = net.layer("embed", .embed(Embedding(rows: 9, channels: 4, weight: table)), ids, images)
    let op = Linear(
      inputs: 4, outputs: 7, weight: net.parameter("w", [7, 4]), bias: net.parameter("b", [7]))
    x = net.layer("wide", .linear(op), x)
    let network = try net.finished(output: x)
    var generator = SeededGenerator(seed: 12)
    var values: [String: [Float]] = [:]
    for parameter in network.parameters {
      values[parameter.name] = generator.floats(parameter.count)
    }
    return (network, ParameterTable(values))
  }

  private func executor(partElements: Int) throws -> ReferenceExecutor {
    let (network, parameters) = try network()
    return try ReferenceExecutor(
      network: network,
      weights: WeightCache(parameters, byteLimit: 0, partElements: partElements),
      options: ReferenceOptions())
  }

  private let image = ReferenceTensor(rows: 1, channels: 4, data: [1, -2, 3, -4])

  /// One row takes the product of a matrix with a vector, more rows that of matrices.
  @Test(arguments: [[3], [8, 0, -200, 8, 5, 0]])
  func partsGiveWhatTheWholeGives(ids: [Int]) throws {
    let images = ids.contains(-200) ? image : ReferenceTensor(rows: 0, channels: 4, data: [])
    let whole = try executor(partElements: 1000).run([.ids(ids), .tensor(images)])
    // Two outputs at a time, the last by itself.
    let parts = try executor(partElements: 8).run([.ids(ids), .tensor(images)])
    #expect(whole.data.count == ids.count * 7)
    #expect(Maximum.difference(parts.data, whole.data) <= 1e-6)
  }

  @Test func aTokenBeyondTheTableIsNamed() throws {
    #expect(throws: ReferenceError.tokenOutOfRange(layer: "language.embed", id: 9, rows: 9)) {
      try executor(partElements: 8).run([
        .ids([1, 9]), .tensor(ReferenceTensor(rows: 0, channels: 4, data: [])),
      ])
    }
  }
}

private enum Maximum {
  static func difference(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).map { abs($0 - $1) }.max() ?? 0
  }
}
