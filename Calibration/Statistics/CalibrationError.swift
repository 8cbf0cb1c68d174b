import MartletBytes
import MartletImages
import MartletReference
import MartletText

/// What can go wrong while statistics are collected, saved or read.
package enum CalibrationError: Error, Equatable, Sendable {
  case bytes(BytesError)
  case reference(ReferenceError)
  case text(TextError)
  /// The folder holds no picture; these entries were looked at and are none.
  case noImages(path: String, ignored: [String])
  /// Pictures that could not be read, of so many.
  case unreadableImages([UnreadableImage], of: Int)
  /// No network of the model has the value, or it holds ids.
  case unknownValue(StatisticRequest)
  /// The language part is to be run, but the model has no tokenizer or no prompt.
  case noTokenizer
  /// A line of a questions file that is not a question; lines count from 1.
  case question(path: String, line: Int, problem: QuestionProblem)
  /// A result does not fit single precision.
  case notFinite(StatisticRequest)
  /// The table lacks what a scheme asks for: it was made for another scheme or another model.
  case missingStatistic(StatisticRequest)
  /// A statistic has the wrong number of channels for this model.
  case channelCount(StatisticRequest, expected: Int, found: Int)
  /// Not a calibration table.
  case notATable(path: String, firstBytes: [UInt8])
  /// A table of a version this reader does not know.
  case version(path: String, found: Int, supported: Int)
  /// A damaged table.
  case checksum(path: String, expected: UInt64, found: UInt64)
  /// A field of a table holds something it cannot hold.
  case field(path: String, offset: Int, what: String, found: String)
}

/// A picture that could not be read.
package struct UnreadableImage: Equatable, Sendable {
  package enum Reason: Error, Equatable, Sendable {
    case image(ImageError)
    case bytes(BytesError)
    /// A part of a file of pictures; `found` is what stood in the way.
    case part(path: String, found: String)
  }

  package var name: String
  package var reason: Reason

  package init(name: String, reason: Reason) {
    self.name = name
    self.reason = reason
  }
}

/// Why a line is not a question.
package enum QuestionProblem: Error, Equatable, Sendable {
  case json(BytesError)
  /// Not an object.
  case notAnObject(found: String)
  case missingKey(String)
  case unknownKey(String)
  /// A key holds something else than text.
  case notText(key: String, found: String)
  /// The image is not among the pictures.
  case imageNotFound(String)
}
