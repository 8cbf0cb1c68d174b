import MartletBytes
import MartletCalibration
import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

@Suite struct GPTQTests {
  private let weights = CorrelatedProduct.weights

  @Test(arguments: [Precision.int8, .int4])
  func errorsOnRowsNeverSeenShrink(precision: Precision) throws {
    let unseen = CorrelatedProduct.correlated(77, rows: 200)
    let report = QuantizationReport()
    let plain = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(precision, .nearest), nil)
    let found = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(precision, .gptq),
      CorrelatedProduct.correlated(5, rows: 1000), report: report)
    let gain =
      CorrelatedProduct.error(weights, plain, on: unseen)
      / CorrelatedProduct.error(weights, found, on: unseen)
    // 12 of 96 directions matter: most of the error can be moved out of them.
    #expect(gain > 4)
    let told = try #require(report.compensated.first)
    #expect(told.isTaken && told.weight == "projector.product.weight")
    #expect(told.decibels > 6)
  }

  /// Inputs that never go together have nothing to make up for each other.
  @Test func uncorrelatedInputsAreRoundedToTheNearest() throws {
    let rows = (0..<10 * CorrelatedProduct.inputs).map { index in
      (0..<CorrelatedProduct.inputs).map { Float($0 == index % CorrelatedProduct.inputs ? 1 : 0) }
    }
    let plain = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(.int8, .nearest), nil)
    // Equal errors are no gain, so GPTQ is not taken.
    let report = QuantizationReport()
    let found = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(.int8, .gptq), RowSample(rows: rows), report: report)
    #expect(found.components.map(\.bytes) == plain.components.map(\.bytes))
    let told = try #require(report.compensated.first)
    #expect(report.compensated.count == 1)
    #expect(!told.isTaken && told.decibels == 0 && told.obstacle == nil)
  }

  @Test(arguments: [Precision.int8, .int4])
  func threadsChangeNothing(precision: Precision) throws {
    let sample = CorrelatedProduct.correlated(5, rows: 300)
    let alone = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(precision, .gptq), sample)
    let together = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(precision, .gptq), sample, pool: ThreadPool(threads: 2))
    #expect(alone.components.map(\.bytes) == together.components.map(\.bytes))
  }

  @Test func tooFewRowsAreReportedAndRoundedToTheNearest() throws {
    let report = QuantizationReport()
    let found = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(.int8, .gptq), CorrelatedProduct.correlated(5, rows: 20),
      report: report)
    let plain = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(.int8, .nearest), nil)
    #expect(found.components.map(\.bytes) == plain.components.map(\.bytes))
    #expect(report.compensated.first?.obstacle == "20 rows are too few")
  }

  @Test func rowsThatWereNotCollectedAreMissed() throws {
    #expect(throws: QuantizationError.missingStatistic(value: "projector.x", statistic: "rows")) {
      try CorrelatedProduct.encoded(weights, CorrelatedProduct.scheme(.int8, .gptq), nil)
    }
    #expect(
      throws: QuantizationError.statisticWidth(value: "projector.x", expected: 96, found: 2)
    ) {
      try CorrelatedProduct.encoded(
        weights, CorrelatedProduct.scheme(.int8, .gptq), RowSample(rows: [[1, 2], [3, 4]]))
    }
  }

  /// Rows of nothing give no second moments, and no not-a-numbers.
  @Test func rowsOfZerosAreAnObstacle() throws {
    let report = QuantizationReport()
    let zeros = RowSample(
      rows: [[Float]](repeating: [Float](repeating: 0, count: CorrelatedProduct.inputs), count: 100)
    )
    _ = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(.int8, .gptq), zeros, report: report)
    #expect(report.compensated.first?.obstacle == "second moments are singular")
  }
}
