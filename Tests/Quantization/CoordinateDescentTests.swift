import MartletBytes
import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

@Suite struct CoordinateDescentTests {
  private let weights = CorrelatedProduct.weights
  private let seen = CorrelatedProduct.correlated(5, rows: 1000)

  private func values(_ precision: Precision, _ rounding: RoundingRule) throws -> [Float] {
    DecodedMatrix.values(
      of: try CorrelatedProduct.encoded(
        weights, CorrelatedProduct.scheme(precision, rounding), seen))
  }

  @Test func itGainsOnRowsNeverSeenBeyondGPTQ() throws {
    let report = QuantizationReport()
    let unseen = CorrelatedProduct.correlated(77, rows: 200)
    let gptq = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(.int4, .gptq), seen)
    let found = try CorrelatedProduct.encoded(
      weights, CorrelatedProduct.scheme(.int4, .descent), seen, report: report)
    let gain =
      CorrelatedProduct.error(weights, gptq, on: unseen)
      / CorrelatedProduct.error(weights, found, on: unseen)
    #expect(gain > 1.1)
    let told = try #require(report.compensated.first)
    #expect(try #require(told.settled) > 0.4)
    #expect(told.decibels > 6)
  }

  /// Shares of weights that could move by one code and lower the error: descent ends where hardly any is left.
  @Test func hardlyAnyCodeCouldMoveAgain() throws {
    let after = try movable(values(.int4, .descent))
    let before = try movable(values(.int4, .gptq))
    #expect(after < 0.02)
    #expect(before > 5 * after)
  }

  private func movable(_ rounded: [Float]) throws -> Double {
    let inputs = CorrelatedProduct.inputs
    let moments = CorrelatedProduct.dampedMoments(of: seen)
    var count = 0
    for output in 0..<CorrelatedProduct.outputs {
      let row = output * inputs..<(output + 1) * inputs
      let errors = row.map { Double(weights[$0] - rounded[$0]) }
      for group in 0..<inputs / 32 {
        let codes = rounded[row][(row.lowerBound + 32 * group)...].prefix(32)
        // The step of a group: its smallest difference between two numbers.
        let sorted = Set(codes.map { Double($0) }).sorted()
        let step = zip(sorted.dropFirst(), sorted).map { $0 - $1 }.min() ?? 0
        let (low, high) = (sorted.first ?? 0, sorted.last ?? 0)
        for input in 32 * group..<32 * group + 32 {
          var slope = 0.0
          for other in 0..<inputs { slope += moments[input * inputs + other] * errors[other] }
          let value = Double(rounded[row.lowerBound + input])
          for change in [step, -step] where value + change >= low && value + change <= high {
            if change * change * moments[input * inputs + input] < 1.999 * change * slope {
              count += 1
            }
          }
        }
      }
    }
    return Double(count) / Double(rounded.count)
  }

  @Test func threadsChangeNothing() throws {
    let scheme = CorrelatedProduct.scheme(.int4, .descent)
    let alone = try CorrelatedProduct.encoded(weights, scheme, seen)
    let together = try CorrelatedProduct.encoded(
      weights, scheme, seen, pool: ThreadPool(threads: 2))
    #expect(alone.components.map(\.bytes) == together.components.map(\.bytes))
  }

  /// Eight bits leave it nothing to gain that is worth its time.
  @Test func matricesOfEightBitsStayAsGPTQRoundedThem() throws {
    #expect(try values(.int8, .descent) == values(.int8, .gptq))
    #expect(try values(.int4, .descent) != values(.int4, .gptq))
  }
}
