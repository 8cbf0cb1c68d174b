import ArgumentParser
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletConversion
import MartletImages
import MartletModel
import MartletPack
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletText
import MartletVerification

extension ErrorReport {
  /// The report of any error of the project; `nil` for those the argument parser words itself.
  init?(_ error: any Error) {
    switch error {
    case let error as CommandError: self = error.report
    case let error as BytesError: self = .of(error)
    case let error as CheckpointError: self = .of(error)
    case let error as ConversionError: self = .of(error)
    case let error as ModelError: self = .of(error)
    case let error as ImageError: self = .of(error)
    case let error as TextError: self = .of(error)
    case let error as PackError: self = .of(error)
    case let error as ReferenceError: self = .of(error)
    case let error as RuntimeError: self = .of(error)
    case let error as QuantizationError: self = .of(error)
    case let error as CalibrationError: self = .of(error)
    case let error as VerificationError: self = .of(error)
    default: return nil
    }
  }

  /// The same report with where it happened put first.
  func inside(_ headline: String) -> ErrorReport {
    ErrorReport(code, headline, [self.headline] + evidence, hint: hint)
  }
}

/// Bytes in hexadecimal, as they stand in a file.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}

/// A shape in brackets.
func shapeText(_ shape: [Int]) -> String {
  "[" + shape.map(String.init).joined(separator: ", ") + "]"
}
