import MartletCalibration
import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

@Suite struct ActivationClipTests {
  /// A bell, and two numbers far out on either side.
  private static func numbers(_ count: Int = 40_000, seed: UInt64 = 3) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return generator.normals(count) + [60, -40]
  }

  /// `Σ (x − x̂)²` of the range's own 256 levels.
  private func error(_ range: (lowest: Float, highest: Float), _ numbers: [Float]) -> Double {
    guard
      case .fixed(let scale, let zero) = StaticRange.encoding(
        lowest: range.lowest, highest: range.highest)
    else { return .infinity }
    return numbers.reduce(0) { sum, number in
      let code = min(255, max(0, (number / scale).rounded() + Float(zero)))
      let difference = Double(number - (code - Float(zero)) * scale)
      return sum + difference * difference
    }
  }

  @Test func everyRuleButMinmaxLeavesOutWhatStandsFarOut() {
    let clip = ActivationClip(Self.numbers())
    #expect(clip.range(.minmax) == (-40, 60))
    for rule in [ClipRule.percentile, .entropy] {
      let range = clip.range(rule)
      #expect(range.highest > 2.5 && range.highest < 20, "\(rule)")
      #expect(range.lowest < -2.5 && range.lowest > -20, "\(rule)")
    }
    // One in 10,000 of a bell lies beyond 3.72; two bins of 100 / 4096 around it.
    #expect(abs(clip.range(.percentile).highest - 3.72) < 0.3)
  }

  /// No range on a fine grid has an error much smaller than that of the least squared error.
  @Test func theLeastSquaredErrorIsFound() {
    var generator = SeededGenerator(seed: 8)
    // Tails as heavy as those behind a gate.
    let numbers = generator.normals(40_000).map { $0 * $0 * $0 }
    let clip = ActivationClip(numbers)
    let found = error(clip.range(.mse), numbers)
    var least = Double.infinity
    for low in stride(from: Float(0.1), through: 1, by: 0.1) {
      for high in stride(from: Float(0.1), through: 1, by: 0.1) {
        least = min(least, error((clip.lowest * low, clip.highest * high), numbers))
      }
    }
    #expect(found < 1.02 * least)
    #expect(found < 0.97 * error((clip.lowest, clip.highest), numbers))
  }

  @Test func evenNumbersAreNotClipped() {
    let numbers = (0..<30_000).map { Float($0) / 30_000 }
    let clip = ActivationClip(numbers)
    for rule in [ClipRule.mse, .percentile] {
      #expect(clip.range(rule).lowest == 0, "\(rule)")
      #expect(clip.range(rule).highest > 0.98, "\(rule)")
    }
  }

  @Test func nothingButZerosHasARangeOfNothing() {
    for rule in ClipRule.allCases {
      #expect(ActivationClip([0, 0, 0]).range(rule) == (0, 0))
    }
  }

  private struct Statistics: ActivationStatistics {
    let samples: [String: RowSample]
    func rows(of value: String) -> RowSample? { samples[value] }
    func channelMeans(of value: String) -> [Double]? { nil }
    func range(of value: String) -> (lowest: Float, highest: Float)? {
      guard let sample = samples[value] else { return nil }
      let numbers = sample.floats(0..<sample.rows)
      return (numbers.min() ?? 0, numbers.max() ?? 0)
    }
  }

  private func range(of activation: ActivationEncoding?) -> Float {
    guard case .fixed(let scale, _)? = activation else { return 0 }
    return 255 * scale
  }

  /// What stands far out is read by no output: only the products can tell that it may be clipped.
  @Test func theBestRangeIsChosenByTheProductItself() throws {
    var generator = SeededGenerator(seed: 5)
    let sample = RowSample(
      rows: (0..<600).map { row in
        var numbers = generator.normals(CorrelatedProduct.inputs)
        // Far out, but in one row of 600.
        if row == 7 { numbers[3] = 300 }
        return numbers
      })
    var weights = CorrelatedProduct.weights
    for output in 0..<CorrelatedProduct.outputs {
      weights[output * CorrelatedProduct.inputs + 3] = 0
    }
    var ranges: [ClipRule: Float] = [:]
    let report = QuantizationReport()
    for rule in ClipRule.allCases {
      var scheme = CorrelatedProduct.scheme(.int8, .nearest)
      scheme.activations = .calibrated
      scheme.correctsBias = false
      scheme.clip = rule
      let model = try Quantizer.quantized(
        CorrelatedProduct.model(weights), scheme: scheme,
        statistics: Statistics(samples: ["projector.x": sample]), report: report)
      ranges[rule] = range(of: model.plan.activations["projector.product"])
    }
    let whole = try #require(ranges[.minmax])
    let best = try #require(ranges[.best])
    #expect(abs(whole - 303) < 5)
    #expect(try #require(ranges[.mse]) > 0.8 * whole)
    #expect(best < 0.1 * whole)
    #expect(best == ranges[.percentile] || best == ranges[.entropy])
    let told = try #require(report.clipped.first)
    #expect(told.value == "projector.x" && told.rule != .minmax && told.decibels > 20)
  }

  @Test func rowsThatWereNotCollectedAreMissed() throws {
    var scheme = CorrelatedProduct.scheme(.int8, .nearest)
    scheme.activations = .calibrated
    scheme.correctsBias = false
    #expect(throws: QuantizationError.missingStatistic(value: "projector.x", statistic: "range")) {
      try Quantizer.quantized(
        CorrelatedProduct.model(CorrelatedProduct.weights), scheme: scheme,
        statistics: Statistics(samples: [:]))
    }
    #expect(scheme.statisticRequests(for: try description()).map(\.statistic) == [.range, .rows])
    scheme.clip = .minmax
    #expect(scheme.statisticRequests(for: try description()).map(\.statistic) == [.range])
  }

  private func description() throws -> ModelDescription {
    try CorrelatedProduct.model(CorrelatedProduct.weights).description
  }
}
