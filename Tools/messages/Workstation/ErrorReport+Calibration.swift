import MartletBoardMessages
import MartletCalibration
import MartletImages

extension ErrorReport {
  package static func of(_ error: CalibrationError) -> ErrorReport {
    func table(_ path: String, _ evidence: String, hint: String? = nil) -> ErrorReport {
      ErrorReport(.badData, "cannot read calibration table '\(path)'", [evidence], hint: hint)
    }
    let damaged = "the file is damaged; calibrate again, or copy it again"
    switch error {
    case .bytes(let error): return of(error)
    case .reference(let error): return of(error)
    case .text(let error): return of(error)
    case .noImages(let path, let ignored):
      let found = ignored.isEmpty ? "an empty folder" : "\(ignored.count) other entries"
      return ErrorReport(
        .inputMissing, "there are no pictures in '\(path)'",
        ["expected: PNG, JPEG or WebP files; found: \(found)"]
          + first(ignored.map { "'\($0)'" }, of: ignored.count))
    case .unreadableImages(let images, let count):
      return ErrorReport(
        .badData, "\(images.count) of \(count) pictures cannot be read",
        first(images.map { "'\($0.name)': \($0.reason.text)" }, of: images.count, most: 20),
        hint: "repair or remove them, or go on without them: --skip-unreadable")
    case .unknownValue(let request):
      return ErrorReport(
        .badData, "the model has no value '\(request.value)'",
        ["asked for: its \(request.statistic.text)"])
    case .noTokenizer:
      return ErrorReport(
        .badData, "questions need a language model",
        ["the checkpoint has no tokenizer or no prompt"])
    case .question(let path, let line, let problem):
      return ErrorReport(
        .badData, "cannot read questions '\(path)'", ["line \(line): \(problem.text)"])
    case .notFinite(let request):
      return ErrorReport(
        .badData, "a statistic is too large for a number in single precision",
        ["\(request.statistic.text) of '\(request.value)'"],
        hint: "the weights are damaged, or a picture drives them out of range")
    case .missingStatistic(let request):
      return ErrorReport(
        .badData, "the calibration table does not fit the scheme",
        ["it lacks the \(request.statistic.text) of '\(request.value)'"],
        hint: "calibrate this model again")
    case .channelCount(let request, let expected, let found):
      return ErrorReport(
        .badData, "the calibration table does not fit the model",
        [
          "\(request.statistic.text) of '\(request.value)': \(expected) channels expected, \(found) found"
        ], hint: "calibrate this model again")
    case .notATable(let path, let bytes):
      let found = bytes.isEmpty ? "nothing" : "first bytes \(hexadecimal(bytes))"
      return table(path, "expected: a file written by martlet calibrate; found: \(found)")
    case .version(let path, let found, let supported):
      return table(
        path, "format version \(found), supported: \(supported)",
        hint: "use a newer Martlet, or calibrate again")
    case .checksum(let path, let expected, let found):
      return table(
        path,
        "checksum \(String(expected, radix: 16)) expected, \(String(found, radix: 16)) found",
        hint: damaged)
    case .field(let path, let offset, let what, let found):
      return table(path, "at byte \(offset): \(found) is no possible \(what)", hint: damaged)
    }
  }
}

extension UnreadableImage.Reason {
  package var text: String {
    switch self {
    case .image(let error): ErrorReport.of(error).inOneLine
    case .bytes(let error): ErrorReport.of(error).inOneLine
    case .part(let path, let found): "'\(path)': \(found)"
    }
  }
}

extension QuestionProblem {
  fileprivate var text: String {
    switch self {
    case .json(let error): ErrorReport.of(error).inOneLine
    case .notAnObject(let found): "expected an object, found \(found)"
    case .missingKey(let key): "'\(key)' is missing"
    case .unknownKey(let key): "unknown key '\(key)'"
    case .notText(let key, let found): "'\(key)': expected text, found \(found)"
    case .imageNotFound(let image): "there is no picture '\(image)'"
    }
  }
}

extension Statistic {
  fileprivate var text: String {
    switch self {
    case .range: "range"
    case .channelMeans: "channel means"
    case .secondMoments: "second moments"
    case .channelMaxima: "channel maxima"
    case .histogram: "histogram"
    case .rows: "rows"
    }
  }
}

extension ErrorReport {
  /// Without the headline, which names what the reader of a list already knows.
  package var inOneLine: String {
    evidence.isEmpty ? headline : evidence.joined(separator: "; ")
  }
}
