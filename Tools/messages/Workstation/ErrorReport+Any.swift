// The words of errors that only a workstation meets, and the way in for any error at all.

import MartletBoardMessages
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletConversion
import MartletExport
import MartletImages
import MartletModel
import MartletPack
import MartletProof
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletServing
import MartletSynthesis
import MartletText
import MartletVerification

extension ErrorReport {
  /// The report of any error of a module; `nil` for others, e.g. those the argument parser words itself.
  package init?(_ error: any Error) {
    switch error {
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
    case let error as ProofError: self = .of(error)
    case let error as VerificationError: self = .of(error)
    case let error as SynthesisError: self = .of(error)
    case let error as ExportError: self = .of(error)
    case let error as ServingError: self = .of(error)
    default: return nil
    }
  }

  /// At most the first few of a list, and how many there are more.
  static func first(_ lines: [String], of count: Int, most: Int = 5) -> [String] {
    let shown = lines.prefix(most)
    return shown + (count > shown.count ? ["and \(count - shown.count) more"] : [])
  }
}
