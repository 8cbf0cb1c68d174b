import MartletModel
import MartletReference
import MartletTestSupport
import Testing

/// Counts how often each parameter is asked for.
final class CountingParameters: FloatParameters, @unchecked Sendable {
  private let table: ParameterTable
  private(set) var requests: [String: Int] = [:]

  init(_ table: [String: [Float]]) { self.table = ParameterTable(table) }

  func values(of name: String) throws(ModelError) -> [Float] {
    requests[name, default: 0] += 1
    return try table.values(of: name)
  }
}

@Suite struct ExecutorTests {
  /// x → a (×2) → b (×3) → sum of x and b
  private func chain() throws -> (Network, [String: [Float]]) {
    var net = NetworkBuilder(role: .vision)
    let x = net.input("x", .rows(channels: 2))
    let a = net.layer("a", .layerScale(.init(channels: 2, gamma: net.parameter("ga", [2]))), x)
    let b = net.layer("b", .layerScale(.init(channels: 2, gamma: net.parameter("gb", [2]))), a)
    let sum = net.layer("sum", .add, x, b)
    return (try net.finished(output: sum), ["vision.ga": [2, 2], "vision.gb": [3, 3]])
  }

  private let x = ReferenceTensor(rows: 2, channels: 2, data: [1, 2, 3, 4])

  @Test func residualsSurviveOpsThatWriteInPlace() throws {
    let (network, table) = try chain()
    let executor = try ReferenceExecutor(network: network, parameters: ParameterTable(table))
    #expect(try executor.run([.tensor(x)]).data == [7, 14, 21, 28])
    #expect(x.data == [1, 2, 3, 4])
  }

  @Test func tapsSeeWantedValuesInOrder() throws {
    let (network, table) = try chain()
    let executor = try ReferenceExecutor(network: network, parameters: ParameterTable(table))
    var seen: [String] = []
    var kept: [ReferenceTensor] = []
    let tap = ReferenceTap(
      wants: { $0 != "vision.b" },
      receive: { name, tensor in
        seen.append(name)
        kept.append(tensor)
      })
    _ = try executor.run([.tensor(x)], tap: tap)
    #expect(seen == ["vision.x", "vision.a", "vision.sum"])
    #expect(kept.map(\.data) == [[1, 2, 3, 4], [2, 4, 6, 8], [7, 14, 21, 28]])
  }

  @Test func weightsAreAskedForOnceIfTheyFit() throws {
    let (network, table) = try chain()
    let parameters = CountingParameters(table)
    let executor = try ReferenceExecutor(network: network, parameters: parameters)
    for _ in 0..<3 { _ = try executor.run([.tensor(x)]) }
    #expect(parameters.requests == ["vision.ga": 1, "vision.gb": 1])
  }

  @Test func weightsBeyondTheLimitAreAskedForAgain() throws {
    let (network, table) = try chain()
    let parameters = CountingParameters(table)
    let executor = try ReferenceExecutor(
      network: network, parameters: parameters, options: ReferenceOptions(weightByteLimit: 15))
    for _ in 0..<3 {
      #expect(try executor.run([.tensor(x)]).data == [7, 14, 21, 28])
    }
    // The first fits (8 bytes), the second does not.
    #expect(parameters.requests == ["vision.ga": 1, "vision.gb": 3])
  }

  @Test func theLayerThatStopsBeingFiniteIsNamed() throws {
    let (network, _) = try chain()
    let parameters = ParameterTable(["vision.ga": [2, 2], "vision.gb": [1, .infinity]])
    let executor = try ReferenceExecutor(network: network, parameters: parameters)
    #expect(throws: ReferenceError.notFinite(layer: "vision.b", index: 1)) {
      try executor.run([.tensor(x)])
    }
    let passing = try ReferenceExecutor(
      network: network, parameters: parameters, options: ReferenceOptions(nonFinite: .passed))
    #expect(try passing.run([.tensor(x)]).data == [3, .infinity, 9, .infinity])
  }

  @Test(arguments: [Activation.gelu, .relu])
  func notANumberIsNotHidden(activation: Activation) throws {
    let op = try OneOp([.rows(channels: 3)]) { _ in .activate(activation) }
    let x = ReferenceTensor(rows: 1, channels: 3, data: [1, .nan, 2])
    #expect(throws: ReferenceError.notFinite(layer: "vision.op", index: 1)) { try op.run([x]) }
  }

  @Test func inputsAreChecked() throws {
    let (network, table) = try chain()
    let executor = try ReferenceExecutor(network: network, parameters: ParameterTable(table))
    #expect(throws: ReferenceError.inputCount(network: "vision", expected: 1, found: 2)) {
      try executor.run([.tensor(x), .tensor(x)])
    }
    let wide = ReferenceTensor(rows: 1, channels: 3, data: [1, 2, 3])
    #expect(
      throws: ReferenceError.inputShape(
        value: "vision.x", expected: "rows of 2", found: "[1, 1, 3]")
    ) { try executor.run([.tensor(wide)]) }
    #expect(
      throws: ReferenceError.inputShape(value: "vision.x", expected: "rows of 2", found: "ids")
    ) { try executor.run([.ids([1])]) }
    let nothing = ReferenceTensor(rows: 0, channels: 2, data: [])
    #expect(
      throws: ReferenceError.inputShape(value: "vision.x", expected: "rows of 2", found: "nothing")
    ) { try executor.run([.tensor(nothing)]) }
  }

  @Test func sumsOfDifferentPixelsAreRefused() throws {
    let shape = ValueShape.map(channels: 1, stride: 1)
    let op = try OneOp([shape, shape]) { _ in .add }
    let a = ReferenceTensor(height: 1, width: 2, channels: 1, data: [1, 2])
    let b = ReferenceTensor(height: 2, width: 1, channels: 1, data: [1, 2])
    #expect(
      throws: ReferenceError.inputShape(
        value: "vision.x1", expected: "[1, 2, 1]", found: "[2, 1, 1]")
    ) { try op.run([a, b]) }
  }

  @Test func parametersAreChecked() throws {
    let (network, _) = try chain()
    #expect(
      throws: ReferenceError.model(
        .parameterUnavailable(name: "vision.ga", reason: "no such parameter"))
    ) {
      try ReferenceExecutor(network: network, parameters: ParameterTable([:])).run([.tensor(x)])
    }
    #expect(
      throws: ReferenceError.parameterCount(name: "vision.ga", expected: 2, found: 1)
    ) {
      try ReferenceExecutor(network: network, parameters: ParameterTable(["vision.ga": [1]]))
        .run([.tensor(x)])
    }
  }

  @Test func invalidNetworksAreRefused() throws {
    var (network, table) = try chain()
    network.layers.swapAt(0, 1)
    #expect(throws: ReferenceError.self) {
      try ReferenceExecutor(network: network, parameters: ParameterTable(table))
    }
  }

  @Test func runsAreRepeatable() throws {
    let op = try OneOp([.map(channels: 16, stride: 1)]) { net in
      .convolution(
        Convolution(
          inputChannels: 16, outputChannels: 24, kernel: 3, stride: 1,
          weight: net.parameter("w", [24, 16, 3, 3]), bias: net.parameter("b", [24])))
    }
    let x = ReferenceTensor.random(33, 31, 16)
    let first = try op.run([x])
    for _ in 0..<4 { #expect(try op.run([x]) == first) }
  }
}
