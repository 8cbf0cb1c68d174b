import MartletCalibration
import MartletModel
import MartletReference
import MartletTestSupport
import Testing

@Suite struct CollectorTests {
  private let pictures = [
    SmallModel.picture(1), SmallModel.picture(2, brightness: 9), SmallModel.picture(3),
  ]

  private func table(
    _ pictures: [CalibrationPicture], _ requests: [StatisticRequest], threads: Int = 2
  ) throws -> CalibrationTable {
    var options = CalibrationOptions()
    options.threads = threads
    return try Calibrator(model: SmallModel.model(), requests: requests, options: options)
      .outcome(pictures: pictures).table
  }

  /// All rows of a value over all pictures, from runs of the reference of their own.
  private func rows(of value: String) throws -> [[Float]] {
    let model = try SmallModel.model()
    let reference = try ReferenceModel(
      description: model.description, parameters: model.parameters)
    var rows: [[Float]] = []
    let tap = ReferenceTap(
      wants: { $0 == value },
      receive: { _, tensor in
        for row in 0..<tensor.rows { rows.append(Array(tensor.row(row))) }
      })
    for picture in pictures {
      let encoded = try reference.encoded(picture.content().pixels, tap: tap)
      _ = try reference.projected(encoded, tap: tap)
    }
    return rows
  }

  static let values = ["vision.pixels", "vision.normalize", "vision.stem", "projector.linear"]

  @Test(arguments: values) func channelStatisticsAreThoseOfAllRows(value: String) throws {
    let table = try table(pictures, SmallModel.requests(value))
    let rows = try rows(of: value)
    let count = Double(rows.count)
    for c in rows[0].indices {
      let numbers = rows.map { Double($0[c]) }
      let mean = numbers.reduce(0, +) / count
      let moment = numbers.reduce(0) { $0 + $1 * $1 } / count
      #expect(try table.channelMeans(of: value)[c] == Float(mean))
      #expect(try table.secondMoments(of: value)[c] == Float(moment))
      #expect(
        try table.channelMaxima(of: value)[c] == numbers.map { Float(abs($0)) }.max())
    }
    let range = try table.range(of: value)
    #expect(range.minimum == rows.joined().min())
    #expect(range.maximum == rows.joined().max())
  }

  @Test(arguments: values) func histogramsCountEveryNumberInItsBin(value: String) throws {
    let histogram = try table(pictures, SmallModel.requests(value)).histogram(of: value)
    let numbers = try rows(of: value).joined().map(Double.init)
    var counts = [UInt64](repeating: 0, count: histogram.counts.count)
    for number in numbers {
      let bin = Int((number / histogram.binWidth).rounded(.down)) - histogram.first
      counts[bin] += 1
      #expect(histogram.edge(bin) <= number && number < histogram.edge(bin + 1))
    }
    #expect(histogram.counts == counts)
    #expect(histogram.total == UInt64(numbers.count))
    // As fine as the limit allows: half the width would need more bins.
    #expect(histogram.counts.count <= Histogram.binLimit)
    #expect(2 * histogram.counts.count >= Histogram.binLimit)
  }

  @Test func percentilesLieBetweenTheNumbersAroundThem() throws {
    let value = "vision.stem"
    let histogram = try table(pictures, SmallModel.requests(value)).histogram(of: value)
    let sorted = try rows(of: value).joined().sorted()
    #expect(histogram.percentile(0) == sorted.first)
    #expect(histogram.percentile(1) == sorted.last)
    for fraction in [0.001, 0.1, 0.5, 0.9, 0.999] {
      let rank = min(Int(fraction * Double(sorted.count)), sorted.count - 1)
      let found = Double(histogram.percentile(fraction))
      #expect(abs(found - Double(sorted[rank])) <= 2 * histogram.binWidth + 0.02, "\(fraction)")
    }
  }

  @Test func histogramsDoNotDependOnTheOrderOfPictures() throws {
    let requests = CollectorTests.values.map {
      StatisticRequest(value: $0, statistic: .histogram)
    }
    let forward = try table(pictures, requests)
    let backward = try table(pictures.reversed(), requests)
    #expect(forward.entries == backward.entries)
  }

  @Test func constantValuesHaveOneBin() throws {
    // Pictures of zeros: normalize gives three constants, the pixels one.
    let black = [SmallModel.picture(1, brightness: 0), SmallModel.picture(2, brightness: 0)]
    let table = try table(black, SmallModel.requests("vision.pixels"))
    let histogram = try table.histogram(of: "vision.pixels")
    #expect(histogram.counts == [384])
    #expect(histogram.percentile(0.5) == 0)
    #expect(try table.range(of: "vision.pixels") == (0, 0))
  }

  @Test func theSameInputsGiveTheSameBytes() throws {
    let requests = CollectorTests.values.flatMap(SmallModel.requests)
    let first = try table(pictures, requests).encoded
    #expect(try table(pictures, requests.reversed()).encoded == first)
    #expect(try table(pictures, requests, threads: 1).encoded == first)
    #expect(try table(pictures, requests, threads: 7).encoded == first)
  }

  /// With room for all, a sample is all rows in their order, at eleven bits.
  @Test(arguments: values) func aSampleWithRoomForAllIsAllRows(value: String) throws {
    let sample = try table(pictures, [StatisticRequest(value: value, statistic: .rows)])
      .rows(of: value)
    let expected = try rows(of: value)
    #expect(sample.rows == expected.count)
    for (index, row) in expected.enumerated() {
      let largest = row.map { abs($0) }.max() ?? 0
      for (found, number) in zip(sample.floats(index..<index + 1), row) {
        #expect(abs(found - number) <= largest / 2048)
      }
    }
  }

  /// Where there is room for few, each row has the same chance; who was drawn does not depend on threads.
  @Test func aSampleDrawsEvenly() throws {
    let request = StatisticRequest(value: "vision.pixels", statistic: .rows)
    func sample(threads: Int) throws -> RowSample {
      var options = CalibrationOptions()
      options.threads = threads
      // Three channels of two bytes.
      options.rowByteLimit = 6 * 100
      return try Calibrator(
        model: SmallModel.model(), requests: [request], options: options
      ).outcome(pictures: (0..<40).map { SmallModel.picture(UInt64($0), brightness: 5 * $0 + 5) })
        .table.rows(of: "vision.pixels")
    }
    let drawn = try sample(threads: 1)
    #expect(drawn.rows == 100)
    #expect(try sample(threads: 2) == drawn)
    // Pixels above 102 lie in the brighter half of the pictures alone: about 27 of 100 are to be expected, none from the first
    // rows and 85 from the last.
    let bright = drawn.scales.filter { $0 > 102 }.count
    #expect(bright > 15 && bright < 40)
  }
}
