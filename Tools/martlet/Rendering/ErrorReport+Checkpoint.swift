import MartletCheckpoints

extension ErrorReport {
  static func of(_ error: CheckpointError) -> ErrorReport {
    switch error {
    case .file(let error): return of(error)
    case .missing(let path):
      return ErrorReport(.inputMissing, "there is nothing at '\(path)'")
    case .noWeights(let directory):
      return ErrorReport(
        .badData, "no weights in '\(directory)'", ["expected: at least one *.safetensors"])
    case .unsupportedFormat(let path, let found):
      return ErrorReport(
        .badData, "cannot read checkpoint '\(path)'",
        ["found: \(found)", "expected: \(CheckpointFormat.supportedText)"])
    case .unknownFormat(let path, let bytes):
      return ErrorReport(
        .badData, "cannot read checkpoint '\(path)'",
        ["its first bytes, \(hexadecimal(bytes)), are those of no known format"])
    case .headerSize, .headerField, .unknownField, .unknownElementType, .shapeOverflow,
      .tensorSize, .dataBeyondEnd, .overlap, .hole, .trailingBytes:
      return header(error)
    case .duplicateTensor(let name, let first, let second):
      return ErrorReport(
        .badData, "tensor '\(name)' stands in two files", ["'\(first)'", "'\(second)'"])
    case .indexField(let path, let field, let expected, let found):
      return ErrorReport(
        .badData, "cannot use '\(path)'",
        ["\(field.isEmpty ? "the file" : "'\(field)'"): expected \(expected), found \(found)"])
    case .shardOutsideDirectory(let index, let file):
      return ErrorReport(
        .badData, "'\(index)' names a file outside its directory", ["found: '\(file)'"])
    case .missingShard(let index, let file):
      return ErrorReport(
        .inputMissing, "a shard is missing", ["'\(index)' names '\(file)', which is not there"],
        hint: "the download may be incomplete")
    case .tensorNotInShard(let index, let tensor, let file):
      return ErrorReport(
        .badData, "tensor '\(tensor)' is not where the index says",
        ["'\(index)' places it in '\(file)'"])
    case .tensorNotInIndex(let index, let tensor, let file):
      return ErrorReport(
        .badData, "'\(file)' holds a tensor that its index does not list",
        ["tensor '\(tensor)', index '\(index)'"])
    case .noSuchTensor(let name):
      return ErrorReport(.badData, "the checkpoint has no tensor '\(name)'")
    case .elementTypeMismatch(let tensor, let expected, let found):
      return ErrorReport(
        .badData, "tensor '\(tensor)' has the wrong type",
        ["expected: \(expected)", "found: \(found.rawValue)"])
    }
  }

  /// Faults in the header of one file.
  private static func header(_ error: CheckpointError) -> ErrorReport {
    func report(_ path: String, _ evidence: String, hint: String? = nil) -> ErrorReport {
      ErrorReport(.badData, "cannot read checkpoint '\(path)'", [evidence], hint: hint)
    }
    let cut = "the file may be cut short; compare its size with the source"
    switch error {
    case .headerSize(let path, let found, let limit):
      return report(path, "header length \(found) at byte 0, at most \(limit) possible", hint: cut)
    case .headerField(let path, let tensor, let field, let expected, let found):
      let place = tensor.isEmpty ? "header" : "tensor '\(tensor)'"
      return report(path, "\(place), '\(field)': expected \(expected), found \(found)")
    case .unknownField(let path, let tensor, let field):
      return report(path, "tensor '\(tensor)': unknown field '\(field)'")
    case .unknownElementType(let path, let tensor, let found):
      return report(path, "tensor '\(tensor)': unknown type '\(found)'")
    case .shapeOverflow(let path, let tensor, let shape):
      return report(path, "tensor '\(tensor)': shape \(shapeText(shape)) exceeds every file")
    case .tensorSize(let path, let tensor, let type, let shape, let expected, let found, let offset):
      return report(
        path,
        "tensor '\(tensor)': shape \(shapeText(shape)) of \(type.rawValue) needs \(expected) bytes, header "
          + "gives \(found) (at byte \(offset))")
    case .dataBeyondEnd(let path, let tensor, let end, let byteCount):
      return report(
        path, "tensor '\(tensor)' ends at byte \(end), the file at \(byteCount)", hint: cut)
    case .overlap(let path, let first, let second, let offset):
      return report(path, "tensors '\(first)' and '\(second)' overlap at byte \(offset)")
    case .hole(let path, let tensor, let expected, let found):
      return report(
        path, "tensor '\(tensor)' starts at byte \(found), the data before it ends at \(expected)")
    case .trailingBytes(let path, let end, let byteCount):
      return report(path, "tensors end at byte \(end), the file at \(byteCount)")
    default: preconditionFailure("only header faults come here")
    }
  }
}

extension CheckpointFormat {
  /// The formats that are read, in words.
  static var supportedText: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
