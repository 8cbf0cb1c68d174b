import MartletBytes
import MartletCalibration
import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

@Suite struct GPTQTests {
  static let inputs = 96
  static let outputs = 40

  private func model(_ weights: [Float]) throws -> FoldedModel {
    var builder = NetworkBuilder(role: .projector)
    let x = builder.input("x", .rows(channels: Self.inputs))
    let weight = builder.parameter("product.weight", [Self.outputs, Self.inputs])
    let op = Linear(inputs: Self.inputs, outputs: Self.outputs, weight: weight, bias: nil)
    let y = builder.layer("product", .linear(op), x)
    return try FoldedModel(
      description: ModelDescription(
        architecture: "test", networks: [builder.finished(output: y)],
        image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil),
      parameters: ParameterTable(["projector.product.weight": weights]))
  }

  private func scheme(_ precision: Precision, _ rounding: RoundingRule) -> Scheme {
    var scheme = Scheme.preset(.int8)
    scheme.projector = precision
    scheme.rounding = rounding
    return scheme
  }

  /// Rows that a dozen factors explain but for a tenth.
  private func correlated(_ seed: UInt64, rows: Int) -> RowSample {
    var mixing = SeededGenerator(seed: 1)
    let factors = mixing.normals(12 * Self.inputs)
    var generator = SeededGenerator(seed: seed)
    return RowSample(
      rows: (0..<rows).map { _ in
        let strengths = generator.normals(12)
        var row = generator.normals(Self.inputs).map { $0 * 0.1 }
        for (factor, strength) in strengths.enumerated() {
          for input in 0..<Self.inputs {
            row[input] += strength * factors[factor * Self.inputs + input]
          }
        }
        return row
      })
  }

  private func encoded(
    _ weights: [Float], _ scheme: Scheme, _ sample: RowSample?, pool: ThreadPool? = nil,
    report: QuantizationReport = QuantizationReport()
  ) throws -> EncodedParameter {
    try Quantizer.quantized(
      model(weights), scheme: scheme,
      statistics: SampledStatistics(sample.map { ["projector.x": $0] } ?? [:]), pool: pool,
      report: report
    ).parameters.encoded("projector.product.weight")
  }

  /// `Σ |(W − Ŵ) x|²`
  private func error(_ weights: [Float], _ found: EncodedParameter, on sample: RowSample) -> Double
  {
    let decoded = DecodedMatrix.values(of: found)
    let rows = sample.floats(0..<sample.rows)
    var sum = 0.0
    for row in 0..<sample.rows {
      for output in 0..<Self.outputs {
        var result = 0.0
        for input in 0..<Self.inputs {
          let place = output * Self.inputs + input
          result +=
            Double(weights[place] - decoded[place]) * Double(rows[row * Self.inputs + input])
        }
        sum += result * result
      }
    }
    return sum
  }

  private var weights: [Float] {
    var generator = SeededGenerator(seed: 21)
    return generator.normals(Self.inputs * Self.outputs)
  }

  @Test(arguments: [Precision.int8, .int4])
  func errorsOnRowsNeverSeenShrink(precision: Precision) throws {
    let unseen = correlated(77, rows: 200)
    let report = QuantizationReport()
    let plain = try encoded(weights, scheme(precision, .nearest), nil)
    let found = try encoded(
      weights, scheme(precision, .gptq), correlated(5, rows: 1000), report: report)
    let gain = error(weights, plain, on: unseen) / error(weights, found, on: unseen)
    // 12 of 96 directions matter: most of the error can be moved out of them.
    #expect(gain > 4)
    let told = try #require(report.compensated.first)
    #expect(told.isTaken && told.weight == "projector.product.weight")
    #expect(told.decibels > 6)
  }

  /// Inputs that never go together have nothing to make up for each other.
  @Test func uncorrelatedInputsAreRoundedToTheNearest() throws {
    let rows = (0..<10 * Self.inputs).map { index in
      (0..<Self.inputs).map { Float($0 == index % Self.inputs ? 1 : 0) }
    }
    let plain = try encoded(weights, scheme(.int8, .nearest), nil)
    // Equal errors are no gain, so GPTQ is not taken.
    let report = QuantizationReport()
    let found = try encoded(
      weights, scheme(.int8, .gptq), RowSample(rows: rows), report: report)
    #expect(found.components.map(\.bytes) == plain.components.map(\.bytes))
    let told = try #require(report.compensated.first)
    #expect(report.compensated.count == 1)
    #expect(!told.isTaken && told.decibels == 0 && told.obstacle == nil)
  }

  @Test(arguments: [Precision.int8, .int4])
  func threadsChangeNothing(precision: Precision) throws {
    let sample = correlated(5, rows: 300)
    let alone = try encoded(weights, scheme(precision, .gptq), sample)
    let together = try encoded(
      weights, scheme(precision, .gptq), sample, pool: ThreadPool(threads: 2))
    #expect(alone.components.map(\.bytes) == together.components.map(\.bytes))
  }

  @Test func tooFewRowsAreReportedAndRoundedToTheNearest() throws {
    let report = QuantizationReport()
    let found = try encoded(
      weights, scheme(.int8, .gptq), correlated(5, rows: 20), report: report)
    let plain = try encoded(weights, scheme(.int8, .nearest), nil)
    #expect(found.components.map(\.bytes) == plain.components.map(\.bytes))
    #expect(report.compensated.first?.obstacle == "20 rows are too few")
  }

  @Test func rowsThatWereNotCollectedAreMissed() throws {
    #expect(throws: QuantizationError.missingStatistic(value: "projector.x", statistic: "rows")) {
      try encoded(weights, scheme(.int8, .gptq), nil)
    }
    #expect(
      throws: QuantizationError.statisticWidth(value: "projector.x", expected: 96, found: 2)
    ) {
      try encoded(weights, scheme(.int8, .gptq), RowSample(rows: [[1, 2], [3, 4]]))
    }
  }

  /// Rows of nothing give no second moments, and no not-a-numbers.
  @Test func rowsOfZerosAreAnObstacle() throws {
    let report = QuantizationReport()
    let zeros = RowSample(
      rows: [[Float]](repeating: [Float](repeating: 0, count: Self.inputs), count: 100))
    _ = try encoded(weights, scheme(.int8, .gptq), zeros, report: report)
    #expect(report.compensated.first?.obstacle == "second moments are singular")
  }
}
