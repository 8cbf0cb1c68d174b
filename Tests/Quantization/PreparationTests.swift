import MartletModel
import MartletQuantization
import MartletReference
import MartletTestSupport
import Testing

@Suite struct PreparationTests {
  private func scheme(split: Bool, balance: Bool) -> Scheme {
    var scheme = Scheme.preset(.int8)
    scheme.correctsBias = false
    scheme.splitsDiagonals = split
    scheme.balancedParts = balance ? Set(NetworkRole.allCases) : []
    return scheme
  }

  /// Largest difference over largest number.
  private func distance(_ a: [Float], _ b: [Float]) -> Float {
    let largest = a.map { abs($0) }.max() ?? 0
    return (zip(a, b).map { abs($0 - $1) }.max() ?? 0) / largest
  }

  @Test(arguments: [(true, false), (false, true), (true, true)])
  func theFunctionStaysAsItWas(split: Bool, balance: Bool) throws {
    let model = try BalancedModel()
    let prepared = try Quantizer.prepared(
      model.folded, scheme: scheme(split: split, balance: balance),
      statistics: try model.statistics())
    #expect(prepared.description != model.folded.description)
    let picture = BalancedModel.picture(9)
    let expected = try BalancedModel.output(of: model.folded, picture)
    let found = try BalancedModel.output(of: prepared, picture)
    // Scaling and reordered sums of some dozens of floats.
    #expect(distance(expected, found) < 1e-5)
    #expect(expected != found)
  }

  @Test func whatWasDoneCanBeDoneAgain() throws {
    let model = try BalancedModel()
    let quantized = try Quantizer.quantized(
      model.folded, scheme: scheme(split: true, balance: true),
      statistics: try model.statistics())
    let done = quantized.preparation
    #expect(done.split == ["vision.square"])
    #expect(done.scaled.map(\.value) == ["vision.mix", "vision.norm"])
    let again = try Quantizer.planned(model.folded, preparation: done, plan: quantized.plan)
    #expect(again.description == quantized.description)
    for name in quantized.plan.weights.keys {
      let (expected, found) = (
        try quantized.parameters.encoded(name), try again.parameters.encoded(name)
      )
      #expect(expected.components.map(\.bytes) == found.components.map(\.bytes), "\(name)")
    }
    var other = done
    other.scaled[1].value = "vision.gelu"
    #expect(throws: QuantizationError.otherPreparation(name: "vision.gelu")) {
      try Quantizer.planned(model.folded, preparation: other, plan: quantized.plan)
    }
    other = done
    other.split = ["vision.wide"]
    #expect(throws: QuantizationError.otherPreparation(name: "vision.wide")) {
      try Quantizer.planned(model.folded, preparation: other, plan: quantized.plan)
    }
  }

  @Test func aDiagonalThatStandsOutBecomesAProductOfItsOwn() throws {
    let model = try BalancedModel()
    let prepared = try Quantizer.prepared(
      model.folded, scheme: scheme(split: true, balance: false), statistics: nil)
    let names = prepared.description.networks[0].layers.map(\.name)
    #expect(
      names == [
        "vision.normalize", "vision.stem", "vision.mix", "vision.square.rest",
        "vision.square.diagonal", "vision.square", "vision.gelu", "vision.norm", "vision.wide",
      ])
    let width = BalancedModel.channels
    let matrix = try model.folded.parameters.values(of: "vision.square.weight")
    let rest = try prepared.parameters.values(of: "vision.square.weight")
    let diagonal = try prepared.parameters.values(of: "vision.square.diagonal.weight")
    for row in 0..<width {
      for column in 0..<width {
        let found = rest[row * width + column] + (row == column ? diagonal[row] : 0)
        #expect(found == matrix[row * width + column])
      }
      #expect(rest[row * (width + 1)] == 0)
    }
    // Parts of a parameter are those of the whole.
    for range in [0..<1, 5..<70, width * width - 40..<width * width] {
      #expect(
        try prepared.parameters.values(of: "vision.square.weight", elements: range)
          == Array(rest[range]))
    }
  }

  @Test func whatStaysInFloatIsNotPrepared() throws {
    let model = try BalancedModel()
    var scheme = scheme(split: true, balance: true)
    scheme.keeps = [Keep(pattern: "vision.*", precision: .float32)]
    let prepared = try Quantizer.prepared(
      model.folded, scheme: scheme, statistics: try model.statistics())
    #expect(prepared.description == model.folded.description)
  }

  @Test func aPatternStillNamesASplitLayer() throws {
    let model = try BalancedModel()
    var scheme = scheme(split: true, balance: false)
    scheme.encoder = .int4
    scheme.keeps = [Keep(pattern: "vision.square", precision: .int4)]
    let quantized = try Quantizer.quantized(model.folded, scheme: scheme, statistics: nil)
    #expect(quantized.plan.weights["vision.square.weight"] == .int4Panels)
    // Without the pattern the encoder's main path keeps 8 bits, its diagonal taken out or not.
    scheme.keeps = []
    let plain = try Quantizer.quantized(model.folded, scheme: scheme, statistics: nil)
    #expect(plain.plan.weights["vision.square.weight"] == .int8Panels)
  }

  @Test func balancingIsReportedAndGains() throws {
    let model = try BalancedModel()
    let report = QuantizationReport()
    _ = try Quantizer.quantized(
      model.folded, scheme: scheme(split: true, balance: true),
      statistics: try model.statistics(), report: report)
    #expect(report.split == ["vision.square"])
    #expect(report.balanced.map(\.value) == ["vision.mix", "vision.norm"])
    #expect(report.balanced.allSatisfy { $0.decibels > 0.5 })
  }

  @Test func channelsReadWithTinyWeightsAreEvenedWithoutPictures() throws {
    let model = try BalancedModel(tiny: [3, 17])
    let report = QuantizationReport()
    let quantized = try Quantizer.quantized(
      model.folded, scheme: scheme(split: false, balance: false), statistics: nil, report: report)
    #expect(report.evened.map(\.value) == ["vision.norm"])
    let evened = try #require(report.evened.first)
    #expect(evened.channels == 2)
    #expect(evened.ratio > 128 && evened.ratio < 512)
    let factors = try #require(quantized.preparation.scaled.first?.factors)
    #expect(factors.indices.filter { factors[$0] != 1 } == [3, 17])

    let prepared = try Quantizer.prepared(
      model.folded, scheme: scheme(split: false, balance: false), statistics: nil)
    let picture = BalancedModel.picture(9)
    let expected = try BalancedModel.output(of: model.folded, picture)
    #expect(distance(expected, try BalancedModel.output(of: prepared, picture)) < 1e-5)
    let again = try Quantizer.planned(
      model.folded, preparation: quantized.preparation, plan: quantized.plan)
    #expect(again.description == quantized.description)
  }

  @Test func channelsOfCommonSizeAreLeftAsTheyAre() throws {
    let plain = scheme(split: false, balance: false)
    let healthy = try BalancedModel()
    #expect(
      try Quantizer.prepared(healthy.folded, scheme: plain, statistics: nil).description
        == healthy.folded.description)
    // Nor where it is not wanted.
    let model = try BalancedModel(tiny: [3])
    var unwanted = plain
    unwanted.evensChannels = false
    #expect(unwanted.text.hasSuffix(" even-channels=off"))
    #expect(
      try Quantizer.prepared(model.folded, scheme: unwanted, statistics: nil).description
        == model.folded.description)
    // Where channels are balanced by what pictures show, that alone is done.
    let report = QuantizationReport()
    _ = try Quantizer.quantized(
      model.folded, scheme: self.scheme(split: false, balance: true),
      statistics: try model.statistics(), report: report)
    #expect(report.evened.isEmpty && report.balanced.map(\.value) == ["vision.mix", "vision.norm"])
  }
}
