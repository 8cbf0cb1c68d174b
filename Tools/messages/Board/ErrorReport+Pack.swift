import MartletModel
import MartletPack

extension ErrorReport {
  /// - Parameter path: the pack the error came from, where the caller knows it.
  package static func of(_ error: PackError, in path: String? = nil) -> ErrorReport {
    let headline = path.map { "cannot read pack '\($0)'" } ?? "cannot read the pack"
    func damaged(_ evidence: String) -> ErrorReport {
      ErrorReport(
        .badData, headline, [evidence],
        hint: "the file is damaged; copy it again from where it was made")
    }
    func newer(_ evidence: String) -> ErrorReport {
      ErrorReport(
        .badData, headline, [evidence], hint: "use a newer Martlet, or convert the model again")
    }
    switch error {
    case .file(.notAFile):
      return ErrorReport(
        .badData, headline,
        ["expected: a file written by martlet convert; found: a folder, a device or a pipe"],
        hint: "a checkpoint is converted first: martlet convert CHECKPOINT -o NAME.martlet")
    case .file(let error): return of(error)
    case .notAPack(let found):
      return ErrorReport(
        .badData, headline,
        [
          "expected: a file written by martlet convert; found: "
            + (found.isEmpty ? "nothing" : "first bytes \(hexadecimal(found))")
        ])
    case .version(let found, let supported):
      return newer("format version \(found), supported: \(supported)")
    case .fileSize(let expected, let found):
      return damaged("its header says \(expected) bytes, the file has \(found)")
    case .checksum(let part, let offset, let expected, let found):
      return damaged(
        "\(part.text) at byte \(offset): checksum \(String(expected, radix: 16)) expected, "
          + "\(String(found, radix: 16)) found")
    case .padding(let offset, let found):
      return damaged("between two parts, at byte \(offset): 0 expected, \(found) found")
    case .place(let part, let expected, let found):
      return damaged("\(part.text): expected at byte \(expected), found at byte \(found)")
    case .beyondEnd(let part, let offset, let size, let end):
      return damaged("\(part.text) at byte \(offset): its \(size) bytes reach beyond byte \(end)")
    case .unknownRecord(let type, let version, let offset):
      return newer("record '\(type)' version \(version) at byte \(offset) is not known")
    case .missingRecord(let type): return damaged("record '\(type)' is missing")
    case .repeatedRecord(let type, let offset):
      return damaged("record '\(type)' stands again at byte \(offset)")
    case .truncatedRecord(let part, let offset, let needed, let left):
      return damaged("\(part.text) at byte \(offset): \(needed) bytes expected, \(left) left")
    case .trailingBytes(let part, let offset, let count):
      return damaged("\(part.text) goes on for \(count) bytes at byte \(offset)")
    case .field(let part, let offset, let what, let found):
      return damaged("\(part.text) at byte \(offset): \(found) is no possible \(what)")
    case .text(let part, let offset):
      return damaged("\(part.text) at byte \(offset): expected text in UTF-8, found other bytes")
    case .unknownOp(let layer, let code, let offset):
      return newer("layer '\(layer)' at byte \(offset): op \(code) is not known")
    case .model(let error): return path == nil ? of(error) : of(error).inside(headline)
    case .tensorMismatch(let expected, let found, let offset):
      return damaged("at byte \(offset): tensor '\(expected)' expected, '\(found)' found")
    case .tensorCount(let expected, let found):
      return damaged("\(expected) tensors expected, \(found) found")
    case .componentSize(let tensor, let component, let expected, let found):
      return damaged(
        "tensor '\(tensor)', \(component.text): \(expected) bytes expected, \(found) found")
    case .expansion(let tensor, let component, let stored, let unpacked):
      return damaged(
        "tensor '\(tensor)', \(component.text): \(stored) bytes would unpack to \(unpacked)")
    case .frame(let part, let offset, let reason):
      return damaged("\(part.text) at byte \(offset): \(reason.text)")
    case .noTensor(let name): return ErrorReport(.badData, headline, ["it has no tensor '\(name)'"])
    case .memory(let byteCount):
      return ErrorReport(
        .inputOutput, "no memory for the model's weights", ["\(byteCount) bytes were refused"],
        hint: "convert with --raw: the weights are then mapped from the file")
    case .notRepresentable(let what, let found):
      return ErrorReport(.badData, "the model cannot be packed", ["\(what): found \(found)"])
    }
  }
}

extension PackPart {
  package var text: String {
    switch self {
    case .header: "the header"
    case .directory: "the directory"
    case .record(let type): "record '\(type)'"
    case .tensor(let name, let component): "tensor '\(name)', \(component.text)"
    case .frame(let tensor, let component, let index):
      "tensor '\(tensor)', \(component.text), frame \(index)"
    }
  }
}

extension FrameFault {
  package var text: String {
    switch self {
    case .notOneFrame: "expected exactly one zstd frame"
    case .contentSize(let expected, .some(let found)):
      "\(expected) bytes expected after unpacking, \(found) stated"
    case .contentSize(let expected, .none):
      "\(expected) bytes expected after unpacking, no size stated"
    case .zstd(let code): "zstd gives up with error \(code)"
    }
  }
}

extension WeightComponent {
  package var text: String {
    switch self {
    case .codes: "codes"
    case .scales: "scales"
    case .offsets: "offsets"
    }
  }
}
