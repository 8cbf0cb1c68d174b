import MartletCalibration
import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

@Suite struct HazardTests {
  static let width = 24

  /// One source with a batch norm, and its folded form; numbers to plant hazards in.
  private struct Patient {
    var source: [String: [Float]]
    var folded: [String: [Float]]

    init() {
      let width = HazardTests.width
      var generator = SeededGenerator(seed: 4)
      source = [
        "vision.norm.gamma": [Float](repeating: 1, count: width),
        "vision.norm.beta": [Float](repeating: 0, count: width),
        "vision.norm.mean": [Float](repeating: 0, count: width),
        "vision.norm.variance": [Float](repeating: 1, count: width),
      ]
      folded = ["vision.square.weight": generator.normals(width * width)]
    }

    func hazards(table: CalibrationTable? = nil) throws -> [Hazard] {
      try HazardScan.hazards(
        of: SourceModel(description: Self.source(), parameters: ParameterTable(source)),
        folded: FoldedModel(description: Self.folded(), parameters: ParameterTable(folded)),
        table: table)
    }

    private static func description(_ network: Network) -> ModelDescription {
      ModelDescription(
        architecture: "test", networks: [network],
        image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil)
    }

    private static func source() throws -> ModelDescription {
      let width = HazardTests.width
      var net = NetworkBuilder(role: .vision)
      let x = net.input("x", .map(channels: width, stride: 1))
      let norm = BatchNorm(
        channels: width, eps: 1e-5, gamma: net.parameter("norm.gamma", [width]),
        beta: net.parameter("norm.beta", [width]), mean: net.parameter("norm.mean", [width]),
        variance: net.parameter("norm.variance", [width]))
      let y = net.layer("norm", .batchNorm(norm), x)
      return description(try net.finished(output: y))
    }

    private static func folded() throws -> ModelDescription {
      let width = HazardTests.width
      var net = NetworkBuilder(role: .vision)
      let x = net.input("x", .map(channels: width, stride: 1))
      let op = Linear(
        inputs: width, outputs: width, weight: net.parameter("square.weight", [width, width]),
        bias: nil)
      let y = net.layer("square", .linear(op), x)
      return description(try net.finished(output: y))
    }
  }

  @Test func soundNumbersHaveNone() throws {
    #expect(try Patient().hazards() == [])
  }

  @Test func variancesAreJudgedByWhatFoldingMultiplies() throws {
    var patient = Patient()
    patient.source["vision.norm.variance"]?[3] = 1e-8
    patient.source["vision.norm.variance"]?[9] = 2e-8
    var found = try patient.hazards()
    let gain = 1 / (Float(1e-8) + Float(1e-5)).squareRoot()
    #expect(
      found == [
        Hazard(
          place: "vision.norm.variance", kind: .tinyVariance(channels: 2, lowest: 1e-8, gain: gain))
      ])
    #expect(found[0].severity == .handled)
    // A gamma as tiny makes it harmless.
    patient.source["vision.norm.gamma"]?[3] = 1e-3
    patient.source["vision.norm.gamma"]?[9] = 1e-3
    #expect(try patient.hazards() == [])
    patient.source["vision.norm.variance"]?[5] = -0.5
    found = try patient.hazards()
    #expect(
      found == [
        Hazard(
          place: "vision.norm.variance", kind: .negativeVariance(channels: 1, lowest: -0.5))
      ])
    #expect(found[0].severity == .refused)
  }

  @Test func weightsAreLookedThrough() throws {
    let width = Self.width
    var patient = Patient()
    patient.folded["vision.square.weight"]?[7 * width + 7] = 70_000
    for input in 0..<width { patient.folded["vision.square.weight"]?[2 * width + input] = 0 }
    let found = try patient.hazards()
    #expect(found.count == 3)
    #expect(found[0].kind == .halfOverflow(count: 1, largest: 70_000))
    #expect(found[1].kind == .constantOutputs(count: 1, of: width))
    guard case .spread(let ratio) = found[2].kind else {
      Issue.record("\(found[2])")
      return
    }
    #expect(ratio > 20_000)
    // In 24 inputs one weight is at most √24 times the root mean square: below the limit.
    #expect(found.allSatisfy { $0.place == "vision.square.weight" })
    patient.folded["vision.square.weight"]?[5] = .nan
    #expect(try patient.hazards().map(\.kind) == [.notFinite(count: 1, index: 5)])
  }

  @Test func valuesAreLookedAtWhereTheyWereSeen() throws {
    var rows = [[Float]](repeating: [Float](repeating: 1, count: Self.width), count: 10)
    for row in rows.indices {
      rows[row][4] = 0
      rows[row][6] = 90_000
    }
    let table = CalibrationTable(
      provenance: CalibrationProvenance(tool: "", sources: []),
      entries: [
        .init(value: "vision.x", statistic: .range): .range(minimum: 0, maximum: 90_000),
        .init(value: "vision.x", statistic: .rows): .rows(RowSample(rows: rows)),
      ])
    let found = try Patient().hazards(table: table)
    #expect(found.map(\.place) == ["vision.x", "vision.x", "vision.x"])
    #expect(found[0].kind == .activationOverflow(largest: 90_000))
    #expect(found[1].kind == .silentChannels(count: 1, of: Self.width))
    #expect(found.count == 3)
  }
}
