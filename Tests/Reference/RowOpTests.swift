import Foundation
import MartletModel
import MartletReference
import MartletTestSupport
import Testing

@Suite struct RowOpTests {
  @Test(arguments: [1, 3, 70], [true, false])
  func linearIsAMatrixProduct(rows: Int, biased: Bool) throws {
    let (inputs, outputs) = (37, 150)
    let op = try OneOp([.rows(channels: inputs)]) { net in
      .linear(
        Linear(
          inputs: inputs, outputs: outputs, weight: net.parameter("w", [outputs, inputs]),
          bias: biased ? net.parameter("b", [outputs]) : nil))
    }
    let x = ReferenceTensor.random(rows: rows, channels: inputs)
    var expected: [ExactSum] = []
    for row in 0..<rows {
      for o in 0..<outputs {
        var sum = ExactSum()
        if biased { sum.add(op["b"][o]) }
        for i in 0..<inputs { sum.add(x.at(row, 0, i) * op["w"][o * inputs + i]) }
        expected.append(sum)
      }
    }
    expectClose(try op.run([x]), expected)
    expectClose(try op.run([x], threads: 5), expected)
  }

  @Test func normalizeIsAffinePerChannel() throws {
    let op = try OneOp([.map(channels: 3, stride: 1)]) { _ in
      .normalize(ChannelAffine(scale: [1, 0.5, 2], offset: [0, -1, 3]))
    }
    let x = ReferenceTensor(height: 1, width: 2, channels: 3, data: [1, 2, 3, 4, 5, 6])
    #expect(try op.run([x]).data == [1, 0, 9, 4, 1.5, 15])
  }

  /// The rounding of the norms: a few units in the last place of the largest.
  private static let normError = 4e-7

  @Test(arguments: [true, false])
  func layerNormUsesTheBiasedVariance(affine: Bool) throws {
    let op = try OneOp([.rows(channels: 24)]) { net in
      .layerNorm(
        Normalization(
          channels: 24, eps: 1e-3, weight: affine ? net.parameter("w", [24]) : nil,
          bias: affine ? net.parameter("b", [24]) : nil))
    }
    // A large common offset shows sums kept in single precision.
    var x = ReferenceTensor.random(rows: 9, channels: 24)
    for index in x.data.indices { x.data[index] += 300 }
    var expected: [Double] = []
    for row in 0..<9 {
      let numbers = x.row(row).map(Double.init)
      let mean = numbers.reduce(0, +) / 24
      let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 24
      for c in 0..<24 {
        let normal = (numbers[c] - mean) / (variance + Double(Float(1e-3))).squareRoot()
        expected.append(affine ? normal * op["w"][c] + op["b"][c] : normal)
      }
    }
    expectClose(try op.run([x]).data, expected, relative: Self.normError)
  }

  @Test func rmsNormDividesByTheRootMeanSquare() throws {
    let op = try OneOp([.rows(channels: 24)]) { net in
      .rmsNorm(
        Normalization(channels: 24, eps: 1e-2, weight: net.parameter("w", [24]), bias: nil))
    }
    let x = ReferenceTensor.random(rows: 9, channels: 24)
    var expected: [Double] = []
    for row in 0..<9 {
      let numbers = x.row(row).map(Double.init)
      let mean = numbers.reduce(0) { $0 + $1 * $1 } / 24
      for c in 0..<24 {
        expected.append(numbers[c] / (mean + Double(Float(1e-2))).squareRoot() * op["w"][c])
      }
    }
    expectClose(try op.run([x]).data, expected, relative: Self.normError)
  }

  @Test func batchNormUsesStoredStatistics() throws {
    let op = try OneOp([.rows(channels: 5)]) { net in
      .batchNorm(
        BatchNorm(
          channels: 5, eps: 0.25, gamma: net.parameter("gamma", [5]),
          beta: net.parameter("beta", [5]), mean: net.parameter("mean", [5]),
          variance: net.parameter("variance", [5])))
    }
    let x = ReferenceTensor.random(rows: 4, channels: 5)
    let expected = x.data.enumerated().map { index, number in
      let c = index % 5
      return op["gamma"][c] * (Double(number) - op["mean"][c])
        / (op["variance"][c] + 0.25).squareRoot() + op["beta"][c]
    }
    expectClose(try op.run([x]).data, expected, relative: Self.normError)
  }

  @Test func layerScaleMultipliesChannels() throws {
    let op = try OneOp([.rows(channels: 3)]) { net in
      .layerScale(LayerScale(channels: 3, gamma: net.parameter("gamma", [3])))
    }
    let x = ReferenceTensor.random(rows: 4, channels: 3)
    let gamma = op.parameters["vision.gamma"]!
    #expect(try op.run([x]).data == x.data.enumerated().map { $1 * gamma[$0 % 3] })
  }

  @Test func sumsGoFromLeftToRight() throws {
    let shape = ValueShape.rows(channels: 1)
    let op = try OneOp([shape, shape, shape]) { _ in .add }
    let inputs = [1e8, -1e8, 1].map {
      ReferenceTensor(rows: 1, channels: 1, data: [Float($0)])
    }
    #expect(try op.run(inputs).data == [1])
    #expect(try op.run(inputs.reversed()).data == [0])
  }

  @Test func aValueMayBeReadTwiceByOneLayer() throws {
    let x = ReferenceTensor.random(rows: 3, channels: 4)
    let sum = try OneOp([.rows(channels: 4)], repeatingFirst: 2) { _ in .add }
    #expect(try sum.run([x]).data == x.data.map { $0 + $0 })
    let difference = try OneOp([.rows(channels: 4)], repeatingFirst: 2) { _ in .subtract }
    #expect(try difference.run([x]).data == x.data.map { _ in 0 })
  }

  @Test func differenceSubtractsTheSecond() throws {
    let shape = ValueShape.rows(channels: 4)
    let op = try OneOp([shape, shape]) { _ in .subtract }
    let a = ReferenceTensor.random(rows: 3, channels: 4, seed: 1)
    let b = ReferenceTensor.random(rows: 3, channels: 4, seed: 2)
    #expect(try op.run([a, b]).data == zip(a.data, b.data).map { $0 - $1 })
  }

  @Test func geluIsTheErfForm() throws {
    let op = try OneOp([.rows(channels: 1)]) { _ in .activate(.gelu) }
    // Dense around zero, then far out on both sides.
    var numbers = (-160_000...160_000).map { Float($0) / 20_000 }
    numbers += [-1e30, -100, -20, 20, 100, 1e30, 0, -0.0, 1e-30, -1e-30]
    let found = try op.run([ReferenceTensor(rows: numbers.count, channels: 1, data: numbers)])
    for (x, y) in zip(numbers, found.data) {
      let exact = 0.5 * Double(x) * erfc(-Double(x) / 2.0.squareRoot())
      // erf is right to 1.5e-7, the products round.
      let tolerance = 0.75e-7 * min(abs(Double(x)), 8) + abs(exact) * 2e-7 + 1e-37
      if !(abs(Double(y) - exact) <= tolerance) {
        Issue.record("gelu(\(x)) = \(y), expected \(exact)")
        break
      }
    }
  }

  @Test func reluKeepsThePositive() throws {
    let op = try OneOp([.rows(channels: 1)]) { _ in .activate(.relu) }
    let x = ReferenceTensor(rows: 4, channels: 1, data: [-2, -0.5, 0, 3])
    #expect(try op.run([x]).data == [0, 0, 0, 3])
  }

  @Test func gateMultipliesByTheSigmoidLinearUnit() throws {
    let op = try OneOp([.rows(channels: 2)]) { _ in .gate(width: 1) }
    let gates = (-4000...4000).map { Float($0) / 20 }
    let x = ReferenceTensor(
      rows: gates.count, channels: 2, data: gates.flatMap { [$0, Float(-1.25)] })
    let found = try op.run([x])
    for (gate, y) in zip(gates, found.data) {
      let exact = Double(gate) / (1 + exp(-Double(gate))) * -1.25
      #expect(abs(Double(y) - exact) <= abs(exact) * 6e-7 + 1e-35, "gate \(gate)")
    }
  }

  @Test func selectLastTakesTheLastRow() throws {
    let op = try OneOp([.rows(channels: 3)]) { _ in .selectLast }
    let x = ReferenceTensor(rows: 2, channels: 3, data: [1, 2, 3, 4, 5, 6])
    #expect(try op.run([x]) == ReferenceTensor(rows: 1, channels: 3, data: [4, 5, 6]))
  }
}
