import Foundation
import MartletModel
import MartletReference
import MartletTestSupport
import Testing

/// Kernel side, stride, channels, channel multiplier or outputs, height, width.
struct Window: CustomTestStringConvertible, Sendable {
  let kernel, stride, channels, outputs, height, width: Int
  var testDescription: String {
    "\(kernel)×\(kernel) stride \(stride), \(channels)→\(outputs), \(height)×\(width)"
  }
  static let all = [
    Window(kernel: 3, stride: 1, channels: 5, outputs: 10, height: 6, width: 7),
    Window(kernel: 3, stride: 2, channels: 3, outputs: 6, height: 8, width: 8),
    Window(kernel: 3, stride: 2, channels: 4, outputs: 4, height: 7, width: 5),
    Window(kernel: 7, stride: 1, channels: 8, outputs: 8, height: 9, width: 4),
    Window(kernel: 7, stride: 2, channels: 2, outputs: 6, height: 12, width: 10),
    Window(kernel: 1, stride: 1, channels: 3, outputs: 3, height: 3, width: 2),
    Window(kernel: 7, stride: 2, channels: 3, outputs: 9, height: 1, width: 2),
  ]
}

@Suite struct SpatialOpTests {
  /// The definition: every output pixel, every tap, zero outside.
  private func convolved(
    _ x: ReferenceTensor, _ window: Window, groups: Int, weight: [Double], bias: [Double]?
  ) -> [ExactSum] {
    let k = window.kernel
    let inputsPerGroup = window.channels / groups
    let outputsPerGroup = window.outputs / groups
    var result: [ExactSum] = []
    for y in 0..<((window.height + 2 * (k / 2) - k) / window.stride + 1) {
      for column in 0..<((window.width + 2 * (k / 2) - k) / window.stride + 1) {
        for o in 0..<window.outputs {
          var sum = ExactSum()
          if let bias { sum.add(bias[o]) }
          for i in 0..<inputsPerGroup {
            for ky in 0..<k {
              for kx in 0..<k {
                let input = x.at(
                  y * window.stride + ky - k / 2, column * window.stride + kx - k / 2,
                  o / outputsPerGroup * inputsPerGroup + i)
                sum.add(input * weight[((o * inputsPerGroup + i) * k + ky) * k + kx])
              }
            }
          }
          result.append(sum)
        }
      }
    }
    return result
  }

  @Test(arguments: Window.all, [true, false])
  func convolutionMatchesItsDefinition(window: Window, biased: Bool) throws {
    let op = try OneOp([.map(channels: window.channels, stride: 1)]) { net in
      .convolution(
        Convolution(
          inputChannels: window.channels, outputChannels: window.outputs, kernel: window.kernel,
          stride: window.stride,
          weight: net.parameter(
            "w", [window.outputs, window.channels, window.kernel, window.kernel]),
          bias: biased ? net.parameter("b", [window.outputs]) : nil))
    }
    let x = ReferenceTensor.random(window.height, window.width, window.channels)
    let expected = convolved(
      x, window, groups: 1, weight: op["w"], bias: biased ? op["b"] : nil)
    expectClose(try op.run([x]), expected)
    expectClose(try op.run([x], threads: 1), expected)
  }

  @Test(arguments: Window.all, [true, false])
  func depthwiseMatchesItsDefinition(window: Window, biased: Bool) throws {
    let op = try OneOp([.map(channels: window.channels, stride: 1)]) { net in
      .depthwise(
        Depthwise(
          channels: window.channels, multiplier: window.outputs / window.channels,
          kernel: window.kernel, stride: window.stride,
          weight: net.parameter("w", [window.outputs, 1, window.kernel, window.kernel]),
          bias: biased ? net.parameter("b", [window.outputs]) : nil))
    }
    let x = ReferenceTensor.random(window.height, window.width, window.channels)
    let expected = convolved(
      x, window, groups: window.channels, weight: op["w"], bias: biased ? op["b"] : nil)
    expectClose(try op.run([x]), expected)
    expectClose(try op.run([x], threads: 1), expected)
  }

  private func norm(_ net: inout NetworkBuilder, _ name: String, _ channels: Int) -> BatchNorm {
    BatchNorm(
      channels: channels, eps: 1e-5, gamma: net.parameter("\(name).gamma", [channels]),
      beta: net.parameter("\(name).beta", [channels]),
      mean: net.parameter("\(name).mean", [channels]),
      variance: net.parameter("\(name).variance", [channels]))
  }

  @Test(arguments: [true, false])
  func branchesAreSummedEachWithItsNorm(dense: Bool) throws {
    let grouping = dense ? Branches.Grouping.dense : .depthwise(multiplier: 1)
    let inputs = dense ? 4 : 1
    let op = try OneOp([.map(channels: 4, stride: 1)]) { net in
      .branches(
        Branches(
          inputChannels: 4, outputChannels: 4, stride: 1, grouping: grouping,
          branches: [
            .init(
              kernel: 5, weight: net.parameter("w5", [4, inputs, 5, 5]), norm: norm(&net, "a", 4)),
            .init(
              kernel: 1, weight: net.parameter("w1", [4, inputs, 1, 1]), norm: norm(&net, "b", 4)),
            .init(kernel: nil, weight: nil, norm: norm(&net, "c", 4)),
          ]))
    }
    let x = ReferenceTensor.random(6, 5, 4)
    let large = Window(kernel: 5, stride: 1, channels: 4, outputs: 4, height: 6, width: 5)
    let small = Window(kernel: 1, stride: 1, channels: 4, outputs: 4, height: 6, width: 5)
    let groups = dense ? 1 : 4
    let parts = [
      convolved(x, large, groups: groups, weight: op["w5"], bias: nil).map(\.value),
      convolved(x, small, groups: groups, weight: op["w1"], bias: nil).map(\.value),
      x.data.map(Double.init),
    ]
    var expected = [Double](repeating: 0, count: x.data.count)
    for (part, name) in zip(parts, ["a", "b", "c"]) {
      for index in expected.indices {
        let c = index % 4
        let deviation = (op["\(name).variance"][c] + Double(Float(1e-5))).squareRoot()
        expected[index] +=
          op["\(name).gamma"][c] * (part[index] - op["\(name).mean"][c]) / deviation
          + op["\(name).beta"][c]
      }
    }
    expectClose(try op.run([x]).data, expected, relative: 2e-6)
  }

  @Test func squeezeExciteGatesChannelsByTheirMean() throws {
    let op = try OneOp([.map(channels: 6, stride: 1)]) { net in
      .squeezeExcite(
        SqueezeExcite(
          channels: 6, reducedChannels: 3, reduceWeight: net.parameter("rw", [3, 6]),
          reduceBias: net.parameter("rb", [3]), expandWeight: net.parameter("ew", [6, 3]),
          expandBias: net.parameter("eb", [6])))
    }
    let x = ReferenceTensor.random(5, 4, 6)
    let (reduce, expand) = (op["rw"], op["ew"])
    var means = [Double](repeating: 0, count: 6)
    for index in x.data.indices { means[index % 6] += Double(x.data[index]) / 20 }
    var hidden = op["rb"]
    for index in reduce.indices { hidden[index / 6] += reduce[index] * means[index % 6] }
    var gates = op["eb"]
    for index in expand.indices { gates[index / 3] += expand[index] * max(0, hidden[index % 3]) }
    gates = gates.map { 1 / (1 + exp(-$0)) }
    let expected = x.data.enumerated().map { Double($1) * gates[$0 % 6] }
    expectClose(try op.run([x]).data, expected, relative: 1e-6)
  }
}
