import Foundation
import MartletModel
import MartletReference
import MartletTestSupport
import Testing

@Suite struct AttentionTests {
  static let layouts = [
    HeadLayout(heads: 3, keyValueHeads: 3, headSize: 8),
    HeadLayout(heads: 4, keyValueHeads: 2, headSize: 6),
    HeadLayout(heads: 6, keyValueHeads: 1, headSize: 4),
  ]

  /// Every pair on its own, in double precision.
  private func attended(_ x: ReferenceTensor, _ op: Attention) -> [Double] {
    let layout = op.layout
    let size = layout.headSize
    var result: [Double] = []
    for row in 0..<x.rows {
      let visible = op.mask == .causal ? row + 1 : x.rows
      for head in 0..<layout.heads {
        let group = head / (layout.heads / layout.keyValueHeads)
        let key = (layout.heads + group) * size
        let value = (layout.heads + layout.keyValueHeads + group) * size
        let scores = (0..<visible).map { other in
          (0..<size).reduce(0.0) {
            $0 + x.at(row, 0, head * size + $1) * x.at(other, 0, key + $1)
          } * Double(op.scale)
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        for i in 0..<size {
          result.append(
            (0..<visible).reduce(0.0) { $0 + weights[$1] * x.at($1, 0, value + i) } / sum)
        }
      }
    }
    return result
  }

  @Test(arguments: layouts, [Attention.Mask.none, .causal])
  func attentionMatchesItsDefinition(layout: HeadLayout, mask: Attention.Mask) throws {
    let attention = Attention(layout: layout, scale: 2.5, mask: mask)
    let op = try OneOp([.rows(channels: layout.packedWidth)]) { _ in .attention(attention) }
    // More rows than one block of queries has.
    let x = ReferenceTensor.random(rows: 140, channels: layout.packedWidth)
    expectClose(try op.run([x]).data, attended(x, attention), relative: 3e-6)
  }

  @Test func rotationTurnsHalvesOfQueriesAndKeys() throws {
    let layout = HeadLayout(heads: 2, keyValueHeads: 1, headSize: 6)
    let op = try OneOp([.rows(channels: layout.packedWidth)]) { _ in
      .rotate(Rotation(layout: layout, theta: 100))
    }
    let x = ReferenceTensor.random(rows: 40, channels: layout.packedWidth)
    var expected = x.data.map(Double.init)
    for row in 0..<40 {
      for head in 0..<3 {
        for i in 0..<3 {
          let angle = Double(row) * pow(100, -2 * Double(i) / 6)
          let at = row * layout.packedWidth + head * 6 + i
          let (a, b) = (Double(x.data[at]), Double(x.data[at + 3]))
          expected[at] = a * cos(angle) - b * sin(angle)
          expected[at + 3] = b * cos(angle) + a * sin(angle)
        }
      }
    }
    // Angles are rounded to single precision: 40 · 2^−24 at the last row.
    expectClose(try op.run([x]).data, expected, relative: 6e-6)
  }

  /// embed → rotate → attention → linear, the pieces that know about positions.
  private func language() throws -> (Network, ParameterTable) {
    let layout = HeadLayout(heads: 4, keyValueHeads: 2, headSize: 4)
    var net = NetworkBuilder(role: .language)
    let ids = net.input("ids", .ids)
    let images = net.input("images", .rows(channels: 32))
    var x = net.layer(
      "embed", .embed(Embedding(rows: 11, channels: 32, weight: net.parameter("table", [11, 32]))),
      ids, images)
    for name in ["a", "b"] {
      var y = net.layer("\(name).rotate", .rotate(Rotation(layout: layout, theta: 1e4)), x)
      y = net.layer(
        "\(name).attention", .attention(Attention(layout: layout, scale: 1, mask: .causal)), y)
      y = net.layer(
        "\(name).linear",
        .linear(
          Linear(inputs: 16, outputs: 32, weight: net.parameter("\(name).w", [32, 16]), bias: nil)),
        y)
      x = net.layer("\(name).add", .add, x, y)
    }
    let network = try net.finished(output: x)
    var generator = SeededGenerator(seed: 4)
    var table: [String: [Float]] = [:]
    for parameter in network.parameters {
      table[parameter.name] = generator.floats(parameter.count)
    }
    return (network, ParameterTable(table))
  }

  private func inputs(_ ids: [Int], imageRows: ReferenceTensor? = nil) -> [ReferenceInput] {
    [.ids(ids), .tensor(imageRows ?? ReferenceTensor(rows: 0, channels: 32, data: []))]
  }

  @Test func stepsThroughTheCacheEqualOneRun() throws {
    let (network, parameters) = try language()
    let executor = try ReferenceExecutor(network: network, parameters: parameters)
    let image = ReferenceTensor.random(rows: 3, channels: 32)
    let ids = [1, 2, -200, -200, -200, 3, 10, 0, 5]
    let whole = try executor.run(inputs(ids, imageRows: image))
    let cache = KeyValueCache()
    var rows = try executor.run(inputs(Array(ids[..<5]), imageRows: image), cache: cache).data
    for id in ids[5...] {
      #expect(cache.count == rows.count / 32)
      rows += try executor.run(inputs([id]), cache: cache).data
    }
    expectClose(rows, whole.data.map(Double.init), relative: 1e-6)
  }

  @Test func aTruncatedCacheContinuesDifferently() throws {
    let (network, parameters) = try language()
    let executor = try ReferenceExecutor(network: network, parameters: parameters)
    let cache = KeyValueCache()
    _ = try executor.run(inputs([4, 5, 6]), cache: cache)
    _ = try executor.run(inputs([7, 8]), cache: cache)
    cache.truncate(to: 3)
    let again = try executor.run(inputs([9]), cache: cache)
    let whole = try executor.run(inputs([4, 5, 6, 9]))
    expectClose(again.data, whole.row(3).map(Double.init), relative: 1e-6)
  }

  @Test func aFailedRunLeavesTheCacheAsItWas() throws {
    let (network, parameters) = try language()
    let executor = try ReferenceExecutor(network: network, parameters: parameters)
    let cache = KeyValueCache()
    _ = try executor.run(inputs([4, 5]), cache: cache)
    let poison = ReferenceTensor(
      rows: 1, channels: 32, data: [Float](repeating: .infinity, count: 32))
    #expect(throws: ReferenceError.notFinite(layer: "language.embed", index: 0)) {
      try executor.run(inputs([-1], imageRows: poison), cache: cache)
    }
    #expect(cache.count == 2)
    let next = try executor.run(inputs([6]), cache: cache)
    let whole = try executor.run(inputs([4, 5, 6]))
    expectClose(next.data, whole.row(2).map(Double.init), relative: 1e-6)
  }

  @Test func aCacheOfAnotherNetworkIsRefused() throws {
    let (network, parameters) = try language()
    var other = network
    other.layers[2].name = "language.other"
    let cache = KeyValueCache()
    _ = try ReferenceExecutor(network: other, parameters: parameters)
      .run(inputs([4, 5]), cache: cache)
    #expect(throws: ReferenceError.cacheMismatch(layer: "language.a.attention")) {
      try ReferenceExecutor(network: network, parameters: parameters)
        .run(inputs([6]), cache: cache)
    }
  }

  @Test func imageRowsStandAtNegativeIds() throws {
    let (network, parameters) = try language()
    let executor = try ReferenceExecutor(network: network, parameters: parameters)
    let image = ReferenceTensor.random(rows: 2, channels: 32)
    var embedded: ReferenceTensor?
    _ = try executor.run(
      inputs([-1, 7, -200], imageRows: image),
      tap: ReferenceTap(wants: { $0 == "language.embed" }, receive: { embedded = $1 }))
    let table = try parameters.values(of: "language.table")
    #expect(
      embedded?.data == Array(image.row(0)) + Array(table[7 * 32..<8 * 32]) + Array(image.row(1)))
  }

  @Test func placesAndImageRowsMustAgree() throws {
    let (network, parameters) = try language()
    let executor = try ReferenceExecutor(network: network, parameters: parameters)
    let image = ReferenceTensor.random(rows: 2, channels: 32)
    let layer = "language.embed"
    #expect(throws: ReferenceError.imageRowCount(layer: layer, places: 1, rows: 2)) {
      try executor.run(inputs([-1, 7], imageRows: image))
    }
    #expect(throws: ReferenceError.imageRowCount(layer: layer, places: 3, rows: 2)) {
      try executor.run(inputs([-1, -1, -1], imageRows: image))
    }
    #expect(throws: ReferenceError.tokenOutOfRange(layer: layer, id: 11, rows: 11)) {
      try executor.run(inputs([11]))
    }
  }
}
