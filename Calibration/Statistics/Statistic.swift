// What quantization may ask about the values of a model, collected over pictures on the float reference.
//
// In:      a folded model, the statistics its scheme asks for, a folder of pictures, questions about them.
// Out:     a `CalibrationTable`: one result for every request, with the origin of all inputs; saved as a file, so
//          that quantizing again needs no pictures.
// Refuses: requests for values the model does not have, folders without a picture, pictures that cannot be
//          read (unless told to skip them), numbers that are not finite, damaged tables.
//
// Collectors hold the same memory after a thousand pictures as after one.

/// Something worth knowing about a value. A closed set: each case has its collector and its record in the file.
package enum Statistic: UInt8, CaseIterable, Hashable, Sendable {
  /// Smallest and largest number.
  case range = 0
  /// The mean of each channel over all rows: what bias correction multiplies a weight error with.
  case channelMeans = 1
  /// The mean of x² of each channel over all rows: how much each input of a product weighs.
  case secondMoments = 2
  /// The largest |x| of each channel.
  case channelMaxima = 3
  /// Counts in at most 2048 bins of equal width: for clipping by percentile or by error.
  case histogram = 4
  /// Some of the rows themselves: for rounding that is judged by its effect on products.
  case rows = 5
}

/// One statistic of one value.
package struct StatisticRequest: Hashable, Sendable {
  /// A value of a network: the output of the layer of this name, or an input of the network. To learn about a layer's
  /// input, name the value it reads.
  package var value: String
  package var statistic: Statistic

  package init(value: String, statistic: Statistic) {
    self.value = value
    self.statistic = statistic
  }

  /// By name, then by statistic: the order of the file.
  static func isOrdered(_ a: StatisticRequest, before b: StatisticRequest) -> Bool {
    if a.value == b.value { return a.statistic.rawValue < b.statistic.rawValue }
    return a.value.utf8.lexicographicallyPrecedes(b.value.utf8)
  }
}

/// What was found. Channels are those of the value; all numbers are finite.
package enum CollectedStatistic: Equatable, Sendable {
  case range(minimum: Float, maximum: Float)
  case channelMeans([Float])
  case secondMoments([Float])
  case channelMaxima([Float])
  case histogram(Histogram)
  case rows(RowSample)

  var statistic: Statistic {
    switch self {
    case .range: .range
    case .channelMeans: .channelMeans
    case .secondMoments: .secondMoments
    case .channelMaxima: .channelMaxima
    case .histogram: .histogram
    case .rows: .rows
    }
  }

  /// How many channels it speaks of, if it does.
  var channels: Int? {
    switch self {
    case .range, .histogram: nil
    case .channelMeans(let found), .secondMoments(let found), .channelMaxima(let found):
      found.count
    case .rows(let sample): sample.channels
    }
  }

  var isFinite: Bool {
    switch self {
    case .range(let minimum, let maximum): minimum.isFinite && maximum.isFinite
    case .channelMeans(let found), .secondMoments(let found), .channelMaxima(let found):
      found.allSatisfy(\.isFinite)
    case .histogram(let found): found.minimum.isFinite && found.maximum.isFinite
    case .rows(let sample): sample.isFinite
    }
  }
}
