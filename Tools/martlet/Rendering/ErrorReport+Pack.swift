import MartletPack

extension ErrorReport {
  static func of(_ error: PackError) -> ErrorReport {
    let damaged = "the file is damaged; copy it again from where it was made"
    func bad(_ headline: String, _ evidence: [String], hint: String? = nil) -> ErrorReport {
      ErrorReport(.badData, headline, evidence, hint: hint)
    }
    switch error {
    case .file(let error): return of(error)
    case .model(let error): return of(error)
    case .notAPack(let found):
      return bad("the file is not a pack", ["it begins with \(hexadecimal(found))"])
    case .version(let found, let supported):
      return bad(
        "the pack has version \(found) of the format", ["supported: \(supported)"],
        hint: "use a newer Martlet, or convert again")
    case .fileSize(let expected, let found):
      return bad(
        "the pack has the wrong size", ["expected: \(expected) bytes", "found: \(found)"],
        hint: damaged)
    case .checksum(let part, let offset, let expected, let found):
      return bad(
        "the pack is damaged in \(part.text)",
        [
          "at byte \(offset): checksum \(String(found, radix: 16)), written as "
            + String(expected, radix: 16)
        ], hint: damaged)
    case .padding(let offset, let found):
      return bad(
        "the pack is damaged between two parts",
        ["at byte \(offset): expected 0, found \(found)"], hint: damaged)
    case .unknownRecord(let type, let version, let offset):
      return bad(
        "the pack needs a newer Martlet",
        ["record '\(type)' version \(version) at byte \(offset) is not known"])
    case .unknownOp(let layer, let code, let offset):
      return bad(
        "the pack needs a newer Martlet",
        ["layer '\(layer)' has op \(code), which is not known (at byte \(offset))"])
    case .memory(let byteCount):
      return ErrorReport(
        .inputOutput, "no memory for the model's weights", ["\(byteCount) bytes are needed"],
        hint: "convert with --raw: the weights are then mapped")
    case .notRepresentable(let what, let found):
      return bad("the model cannot be packed", ["\(what): found \(found)"])
    case .noTensor(let name): return bad("the pack lacks tensor '\(name)'", [])
    default: return bad("the pack is faulty", [structure(error)], hint: damaged)
    }
  }

  /// Faults in how a pack is put together.
  private static func structure(_ error: PackError) -> String {
    switch error {
    case .place(let part, let expected, let found):
      "\(part.text) lies at byte \(found), expected at \(expected)"
    case .beyondEnd(let part, let offset, let size, let end):
      "\(part.text) at byte \(offset) with \(size) bytes reaches beyond \(end)"
    case .missingRecord(let type): "record '\(type)' is missing"
    case .repeatedRecord(let type, let offset): "record '\(type)' stands again at byte \(offset)"
    case .truncatedRecord(let part, let offset, let needed, let left):
      "\(part.text) ends too early: \(needed) bytes needed at byte \(offset), \(left) left"
    case .trailingBytes(let part, let offset, let count):
      "\(part.text) goes on for \(count) bytes at byte \(offset)"
    case .field(let part, let offset, let what, let found):
      "\(part.text), \(what) at byte \(offset): found \(found)"
    case .text(let part, let offset): "\(part.text) at byte \(offset): not UTF-8"
    case .tensorMismatch(let expected, let found, let offset):
      "tensor '\(found)' stands where '\(expected)' belongs (at byte \(offset))"
    case .tensorCount(let expected, let found): "\(found) tensors, expected \(expected)"
    case .componentSize(let tensor, let component, let expected, let found):
      "tensor '\(tensor)', \(component.text): \(found) bytes, expected \(expected)"
    case .expansion(let tensor, let component, let stored, let unpacked):
      "tensor '\(tensor)', \(component.text): \(stored) bytes would unpack to \(unpacked)"
    case .frame(let part, let offset, let reason): "\(part.text) at byte \(offset): \(reason.text)"
    default: "\(error)"
    }
  }
}

extension PackPart {
  var text: String {
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
  var text: String {
    switch self {
    case .notOneFrame: "not one zstd frame"
    case .contentSize(let expected, let found):
      "unpacks to \(found.map { "\($0)" } ?? "unstated") bytes, expected \(expected)"
    case .zstd(let code): "zstd error \(code)"
    }
  }
}
