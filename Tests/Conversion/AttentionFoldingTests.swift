import MartletConversion
import MartletModel
import MartletReference
import Testing

/// The two rules around attention, whose networks are not affine: bounds are computed from tapped values.
@Suite struct AttentionFoldingTests {
  private func values(
    _ description: ModelDescription, _ parameters: any FloatParameters, _ input: ReferenceTensor
  ) throws -> [String: ReferenceTensor] {
    var tapped: [String: ReferenceTensor] = [:]
    let executor = try ReferenceExecutor(
      network: description.networks[0], parameters: parameters)
    _ = try executor.run(
      [.tensor(input)],
      tap: ReferenceTap(wants: { _ in true }, receive: { tapped[$0] = $1 }))
    return tapped
  }

  /// The exact product is Σ W (w n + c) + b for the bare norm n. Both forms start from n as f32 computes it, within
  /// `normRoundings` of each other, so they differ by at most 2 γ (Σ |W| (|w| |n| + |c|) + |b|).
  @Test(arguments: [
    (true, true, false), (true, true, true), (true, false, true), (false, true, true),
  ])
  func layerNormAffineGoesIntoTheProduct(
    hasWeight: Bool, hasBias: Bool, productHasBias: Bool
  ) throws {
    let (width, outputs, rows) = (32, 12, 9)
    var network = RandomNetwork(seed: 11)
    let x = network.input(.rows(channels: width))
    let norm = Normalization(
      channels: width, eps: 1e-5,
      weight: hasWeight ? network.parameter("norm.weight", [width]) : nil,
      bias: hasBias ? network.parameter("norm.bias", [width]) : nil)
    let n = network.layer("norm", .layerNorm(norm), x)
    let y = network.layer("qkv", network.linear("qkv", width, outputs, bias: productHasBias), n)
    let source = try network.model(output: y)
    let (folded, report) = try source.folded()
    #expect(
      report.applications.filter { $0.count > 0 } == [
        .init(rule: "layer norm into product", count: 1)
      ])
    #expect(report.changedValues == ["vision.norm"])
    guard case .layerNorm(let bare) = folded.description.networks[0].layers[0].op,
      case .linear(let product) = folded.description.networks[0].layers[1].op
    else {
      Issue.record("the norm and the product stay")
      return
    }
    #expect(bare.weight == nil && bare.bias == nil)
    #expect((product.bias != nil) == (hasBias || productHasBias))

    let input = ReferenceTensor(
      rows: rows, channels: width, data: network.numbers(rows * width, in: -2...2))
    let before = try values(source.description, source.parameters, input)
    let after = try values(folded.description, folded.parameters, input)
    let bareNorm = try #require(after["vision.norm"])
    let (first, second) = (try #require(before["vision.qkv"]), try #require(after["vision.qkv"]))
    let matrix = try source.parameters.values(of: "vision.qkv.weight")
    let ones = [Float](repeating: 1, count: width)
    let zeros = [Float](repeating: 0, count: max(width, outputs))
    let weight = hasWeight ? try source.parameters.values(of: "vision.norm.weight") : ones
    let shift = hasBias ? try source.parameters.values(of: "vision.norm.bias") : zeros
    let bias = productHasBias ? try source.parameters.values(of: "vision.qkv.bias") : zeros
    let normRoundings = 8
    let factor = 2 * FoldingBound.gamma(width + normRoundings + 8)
    for row in 0..<rows {
      for output in 0..<outputs {
        var size = Double(abs(bias[output]))
        for i in 0..<width {
          size +=
            Double(abs(matrix[output * width + i]))
            * (Double(abs(weight[i] * bareNorm.data[row * width + i])) + Double(abs(shift[i])))
        }
        let index = row * outputs + output
        #expect(abs(Double(first.data[index]) - Double(second.data[index])) <= factor * size)
      }
    }
    #expect(first.data.contains { abs($0) > 0.1 })
  }

  /// Scores of both forms differ by at most δ = 2 γ c Σ Q K, where Q and K are the absolute-value products behind a query
  /// and a key; softmax weights then differ by factors within e^±2δ, and the output by (e^2δ − 1 + 2 γ) Σ V.
  @Test func attentionScaleGoesIntoTheQueries() throws {
    let (heads, headSize, rows) = (2, 8, 10)
    let width = heads * headSize
    var network = RandomNetwork(seed: 12)
    let x = network.input(.rows(channels: width))
    let qkv = network.layer("qkv", network.linear("qkv", width, 3 * width), x)
    let layout = HeadLayout(heads: heads, keyValueHeads: heads, headSize: headSize)
    let scale = 1 / Float(headSize).squareRoot()
    let y = network.layer(
      "core", .attention(Attention(layout: layout, scale: scale, mask: .none)), qkv)
    let source = try network.model(output: y)
    let (folded, report) = try source.folded()
    #expect(
      report.applications.filter { $0.count > 0 } == [.init(rule: "attention scale", count: 1)])
    #expect(report.changedValues == ["vision.qkv"])
    guard case .attention(let op) = folded.description.networks[0].layers[1].op else {
      Issue.record("the attention stays")
      return
    }
    #expect(op.scale == 1)

    let input = ReferenceTensor(
      rows: rows, channels: width, data: network.numbers(rows * width, in: -0.5...0.5))
    let before = try values(source.description, source.parameters, input)
    let after = try values(folded.description, folded.parameters, input)
    let (first, second) = (try #require(before["vision.core"]), try #require(after["vision.core"]))
    let sizes = try absoluteProduct(source, input)
    func size(_ row: Int, _ part: Int, _ channel: Int) -> Double {
      sizes[row * 3 * width + part * width + channel]
    }
    let gamma = FoldingBound.gamma(2 * width + headSize + rows + 24)
    var largest = 0.0
    for row in 0..<rows {
      for head in 0..<heads {
        let channels = head * headSize..<(head + 1) * headSize
        let score = (0..<rows).map { key in
          channels.reduce(0.0) { $0 + size(row, 0, $1) * size(key, 1, $1) }
        }.max()!
        let delta = 2 * gamma * Double(scale) * score
        let relative = Double.expMinusOne(2 * delta) + 2 * gamma
        for channel in channels {
          let value = (0..<rows).map { size($0, 2, channel) }.max()!
          let index = row * width + channel
          let difference = abs(Double(first.data[index]) - Double(second.data[index]))
          #expect(difference <= relative * value)
          largest = max(largest, relative * value)
        }
      }
    }
    #expect(largest < 1e-2)
    // The factor matters: without it the result would be another.
    #expect(
      zip(before["vision.qkv"]!.data, after["vision.qkv"]!.data).contains { abs($0 - $1) > 0.1 })
  }

  /// |W| |x| + |b| of the qkv product.
  private func absoluteProduct(_ source: SourceModel, _ input: ReferenceTensor) throws -> [Double] {
    let weight = try source.parameters.values(of: "vision.qkv.weight")
    let bias = try source.parameters.values(of: "vision.qkv.bias")
    let (outputs, inputs) = (bias.count, weight.count / bias.count)
    var result: [Double] = []
    for row in 0..<input.rows {
      for output in 0..<outputs {
        var sum = Double(abs(bias[output]))
        for i in 0..<inputs {
          sum += Double(abs(weight[output * inputs + i] * input.data[row * inputs + i]))
        }
        result.append(sum)
      }
    }
    return result
  }
}

extension Double {
  /// e^x − 1 from above, for 0 ≤ x < 1: the series' tail is below its geometric bound.
  fileprivate static func expMinusOne(_ x: Double) -> Double { x / (1 - x) }
}
