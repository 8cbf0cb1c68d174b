import MartletCalibration

extension ErrorReport {
  static func of(_ error: CalibrationError) -> ErrorReport {
    switch error {
    case .bytes(let error): return of(error)
    case .reference(let error): return of(error)
    case .text(let error): return of(error)
    default: return ErrorReport(.badData, "calibration failed", ["\(error)"])
    }
  }
}
