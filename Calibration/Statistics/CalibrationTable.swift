import MartletModel

/// Statistics by value, and where they came from. Same inputs, same bytes.
package struct CalibrationTable: Equatable, Sendable {
  package var provenance: CalibrationProvenance
  package let entries: [StatisticRequest: CollectedStatistic]

  /// It is a trap if an entry does not answer its request.
  package init(
    provenance: CalibrationProvenance, entries: [StatisticRequest: CollectedStatistic]
  ) {
    for (request, found) in entries { precondition(request.statistic == found.statistic) }
    self.provenance = provenance
    self.entries = entries
  }

  /// Bytes of memory that samples of rows take.
  package var sampleBytes: Int {
    entries.values.reduce(0) { sum, found in
      guard case .rows(let sample) = found else { return sum }
      return sum + 4 * sample.scales.count + 2 * sample.numbers.count
    }
  }

  /// All requests answered, in the order of the file.
  package var requests: [StatisticRequest] {
    entries.keys.sorted(by: StatisticRequest.isOrdered)
  }

  /// - Throws: `missingStatistic` for the first request that has no answer.
  package func require(_ requests: [StatisticRequest]) throws(CalibrationError) {
    for request in requests where entries[request] == nil { throw .missingStatistic(request) }
  }

  /// A table may be loaded for a model it was not made for.
  /// - Throws: `unknownValue` or `channelCount` for the first entry that does not fit.
  package func validate(for description: ModelDescription) throws(CalibrationError) {
    var channels: [String: Int] = [:]
    for network in description.networks {
      for value in network.values where value.shape != .ids {
        channels[value.name] = value.shape.channels
      }
    }
    for request in requests {
      guard let expected = channels[request.value] else { throw .unknownValue(request) }
      if let found = entries[request]?.channels, found != expected {
        throw .channelCount(request, expected: expected, found: found)
      }
    }
  }

  /// Smallest and largest number of a value.
  /// - Throws: `missingStatistic`, as all below.
  package func range(
    of value: String
  ) throws(CalibrationError) -> (minimum: Float, maximum: Float) {
    guard case .range(let minimum, let maximum) = try entry(value, .range) else { fatalMismatch() }
    return (minimum, maximum)
  }

  /// The mean of each channel.
  package func channelMeans(of value: String) throws(CalibrationError) -> [Float] {
    guard case .channelMeans(let means) = try entry(value, .channelMeans) else { fatalMismatch() }
    return means
  }

  /// The mean of x² of each channel.
  package func secondMoments(of value: String) throws(CalibrationError) -> [Float] {
    guard case .secondMoments(let found) = try entry(value, .secondMoments) else {
      fatalMismatch()
    }
    return found
  }

  /// The largest |x| of each channel.
  package func channelMaxima(of value: String) throws(CalibrationError) -> [Float] {
    guard case .channelMaxima(let found) = try entry(value, .channelMaxima) else {
      fatalMismatch()
    }
    return found
  }

  package func histogram(of value: String) throws(CalibrationError) -> Histogram {
    guard case .histogram(let found) = try entry(value, .histogram) else { fatalMismatch() }
    return found
  }

  package func rows(of value: String) throws(CalibrationError) -> RowSample {
    guard case .rows(let sample) = try entry(value, .rows) else { fatalMismatch() }
    return sample
  }

  private func entry(
    _ value: String, _ statistic: Statistic
  ) throws(CalibrationError) -> CollectedStatistic {
    let request = StatisticRequest(value: value, statistic: statistic)
    guard let found = entries[request] else { throw .missingStatistic(request) }
    return found
  }

  private func fatalMismatch() -> Never {
    preconditionFailure("every entry answers its request")
  }
}

/// Where the numbers of a table came from. Holds no time and no machine.
package struct CalibrationProvenance: Equatable, Sendable {
  /// A file and the SHA-256 of its content.
  package struct File: Equatable, Sendable {
    package var name: String
    package var digest: [UInt8]

    package init(name: String, digest: [UInt8]) {
      self.name = name
      self.digest = digest
    }
  }

  /// Name and version of the program.
  package var tool: String
  /// The files of the checkpoint.
  package var sources: [File]
  /// The pictures that were run, in order.
  package var images: [File]
  /// The pictures that could not be read and were skipped.
  package var skipped: [String]
  /// The questions asked: one an image without a questions file.
  package var questionCount: Int
  /// Tokens of the model's own answers that were run behind their questions.
  package var answerTokenCount: Int
  /// Side of the prepared picture.
  package var resolution: Int
  package var seed: UInt64

  package init(
    tool: String, sources: [File], images: [File] = [], skipped: [String] = [],
    questionCount: Int = 0, answerTokenCount: Int = 0, resolution: Int = 0, seed: UInt64 = 0
  ) {
    self.tool = tool
    self.sources = sources
    self.images = images
    self.skipped = skipped
    self.questionCount = questionCount
    self.answerTokenCount = answerTokenCount
    self.resolution = resolution
    self.seed = seed
  }
}
