import MartletBoardMessages
import MartletCheckpoints

extension ErrorReport {
  package static func of(_ error: CheckpointError) -> ErrorReport {
    func unreadable(_ path: String, _ evidence: String, hint: String? = nil) -> ErrorReport {
      ErrorReport(.badData, "cannot read checkpoint '\(path)'", [evidence], hint: hint)
    }
    let cut = "the file may be cut short; compare its size with the source"
    switch error {
    case .file(let error): return of(error)
    case .missing(let path):
      return ErrorReport(
        .inputMissing, "cannot read checkpoint '\(path)'", ["there is no such file or folder"])
    case .noWeights(let directory):
      return unreadable(
        directory, "expected: at least one file of weights in the folder; found: none")
    case .severalModels(let directory, let files):
      return ErrorReport(
        .badData, "cannot tell which model of '\(directory)' is meant",
        ["found: " + files.map { "'\($0)'" }.joined(separator: ", ")],
        hint: "give the path of one of them")
    case .unsupportedFormat(let path, let found):
      return unreadable(path, "expected: \(CheckpointFormat.supportedText); found: \(found)")
    case .unknownFormat(let path, let bytes):
      let found = bytes.isEmpty ? "nothing" : "first bytes \(hexadecimal(bytes))"
      return unreadable(path, "expected: \(CheckpointFormat.supportedText); found: \(found)")
    case .headerSize(let path, let found, let limit):
      return unreadable(
        path, "header at byte 0: length \(found) given, at most \(limit) possible", hint: cut)
    case .headerField(let path, let tensor, let field, let expected, let found):
      let place = tensor.isEmpty ? "header" : "tensor '\(tensor)'"
      let part = field.isEmpty ? "" : ", '\(field)'"
      return unreadable(path, "\(place)\(part): expected \(expected), found \(found)")
    case .unknownField(let path, let tensor, let field):
      return unreadable(path, "tensor '\(tensor)': unknown field '\(field)'")
    case .unknownElementType(let path, let tensor, let found):
      return unreadable(path, "tensor '\(tensor)': unknown type '\(found)'")
    case .shapeOverflow(let path, let tensor, let shape):
      return unreadable(
        path, "tensor '\(tensor)': shape \(shapeText(shape)) is larger than any file")
    case .tensorSize(let path, let tensor, let type, let shape, let expected, let found, let offset):
      return unreadable(
        path,
        "tensor '\(tensor)': shape \(shapeText(shape)) of \(type.rawValue) needs \(expected) bytes, "
          + "header gives \(found) (at byte \(offset))")
    case .dataBeyondEnd(let path, let tensor, let end, let byteCount):
      return unreadable(
        path, "tensor '\(tensor)' ends at byte \(end), the file at \(byteCount)", hint: cut)
    case .overlap(let path, let first, let second, let offset):
      return unreadable(path, "tensors '\(first)' and '\(second)' overlap at byte \(offset)")
    case .hole(let path, let tensor, let expected, let found):
      return unreadable(
        path,
        "tensor '\(tensor)' starts at byte \(found), the one before it ends at \(expected)")
    case .trailingBytes(let path, let end, let byteCount):
      return unreadable(path, "the tensors end at byte \(end), the file at \(byteCount)")
    case .ggufField(let path, let offset, let field, let expected, let found):
      return unreadable(
        path, "'\(field)' at byte \(offset): expected \(expected), found \(found)")
    case .duplicateTensor(let name, let first, let second) where first == second:
      return unreadable(first, "tensor '\(name)': expected once, found twice")
    case .zip(let path, let member, let offset, let expected, let found):
      let place = member.isEmpty ? "archive" : "member '\(member)'"
      return unreadable(
        path, "\(place) at byte \(offset): expected \(expected), found \(found)", hint: cut)
    case .compressedMember(let path, let member, let method):
      return unreadable(
        path, "member '\(member)': expected stored bytes, found compression method \(method)",
        hint: "torch stores all members; unpack the archive and pack it with zip -0")
    case .pickle(let path, let offset, let expected, let found):
      return unreadable(
        path, "pickle at byte \(offset): expected \(expected), found \(found)")
    case .pickleGlobal(let path, let offset, let name):
      return unreadable(
        path, "pickle at byte \(offset): expected tensors only, found Python's '\(name)'",
        hint: "nothing of it was run; save the weights alone: torch.save(model.state_dict(), …)")
    case .torchStorage(let path, let storage, let expected, let found, let offset):
      return unreadable(
        path, "storage '\(storage)' at byte \(offset): expected \(expected), found \(found)",
        hint: cut)
    case .torchView(let path, let tensor, let storage, let shape, let strides, let end, let room):
      return unreadable(
        path,
        "tensor '\(tensor)': shape \(shapeText(shape)) with strides \(shapeText(strides)) ends at "
          + "element \(end), storage '\(storage)' at \(room)")
    case .hdf5(let path, let object, let expected, let found):
      let place = object.isEmpty ? "file" : "'\(object)'"
      return unreadable(path, "\(place): expected \(expected), found \(found)")
    case .mlx(let path, let tensor, let expected, let found):
      return unreadable(path, "tensor '\(tensor)': expected \(expected), found \(found)")
    case .duplicateTensor(let name, let first, let second):
      return ErrorReport(
        .badData, "tensor '\(name)' stands in two files", ["'\(first)' and '\(second)'"])
    case .indexField(let path, let field, let expected, let found):
      let place = field.isEmpty ? "the whole" : "'\(field)'"
      return ErrorReport(
        .badData, "cannot read index '\(path)'", ["\(place): expected \(expected), found \(found)"])
    case .shardOutsideDirectory(let index, let file):
      return ErrorReport(
        .badData, "cannot read index '\(index)'",
        ["expected: names of files beside it; found: '\(file)'"])
    case .missingShard(let index, let file):
      return ErrorReport(
        .inputMissing, "a shard of the checkpoint is missing",
        ["index '\(index)' names '\(file)', which is not there"],
        hint: "the download may be incomplete")
    case .missingPart(let path, let file, let count):
      return ErrorReport(
        .inputMissing, "a part of the checkpoint is missing",
        ["'\(path)' is one of \(count) files, '\(file)' is not beside it"],
        hint: "the download may be incomplete")
    case .tensorNotInShard(let index, let tensor, let file):
      return ErrorReport(
        .badData, "index and shards contradict each other",
        ["index '\(index)' places tensor '\(tensor)' in '\(file)', which lacks it"],
        hint: "the files may come from different versions of the model")
    case .tensorNotInIndex(let index, let tensor, let file):
      return ErrorReport(
        .badData, "index and shards contradict each other",
        ["'\(file)' holds tensor '\(tensor)', which index '\(index)' does not list there"],
        hint: "the files may come from different versions of the model")
    case .noSuchTensor(let name):
      return ErrorReport(.badData, "the checkpoint lacks tensor '\(name)'")
    case .elementTypeMismatch(let tensor, let expected, let found):
      return ErrorReport(
        .badData, "tensor '\(tensor)' has the wrong type",
        ["expected: \(expected)", "found: \(found.rawValue)"])
    }
  }
}

extension CheckpointFormat {
  /// The formats that are read, in words.
  fileprivate static var supportedText: String {
    allCases.map(\.rawValue).joined(separator: ", ")
  }
}
