import MartletBoardMessages
import MartletConversion

extension ErrorReport {
  package static func of(_ error: ConversionError) -> ErrorReport {
    switch error {
    case .unknownArchitecture(let type, let architectures, let supported, let nearest):
      return ErrorReport(
        .badData, "the checkpoint is of no known architecture",
        [
          "found: model_type \(type.map { "'\($0)'" } ?? "not stated"), architectures "
            + (architectures.isEmpty ? "not stated" : architectures.joined(separator: ", ")),
          "expected: one of \(supported.joined(separator: ", "))",
        ], hint: meant(nearest))
    case .unsupportedLayout(let layout, let evidence, let supported):
      return ErrorReport(
        .badData, "the checkpoint is in a layout that is not read",
        ["found: \(layout), by '\(evidence)'", "expected: \(supported.joined(separator: ", "))"],
        hint: layout.hasPrefix("GGUF")
          ? "give the file to the FastVLM it belongs to: --language-from MODEL.gguf" : nil)
    case .encoderMissing(let path):
      return ErrorReport(
        .badData, "'\(path)' holds no image encoder",
        ["expected: tensors of FastViTHD in Apple's, transformers' or mlx-vlm's names"],
        hint: "take the encoder from another checkpoint: --encoder-from SOURCE")
    case .missingTensor(let name, let shape, let nearest):
      return ErrorReport(
        .badData, "the checkpoint lacks tensor '\(name)'",
        shape.map { ["expected: shape \(shapeText($0))"] } ?? [], hint: meant(nearest))
    case .tensorShape(let name, let expected, let found):
      return ErrorReport(
        .badData, "tensor '\(name)' has the wrong shape",
        ["expected: \(expected)", "found: \(shapeText(found))"])
    case .tensorType(let name, let found):
      return ErrorReport(
        .badData, "tensor '\(name)' has the wrong type",
        ["expected: floating point", "found: \(found)"])
    case .unknownTensors(let count, let names):
      return ErrorReport(
        .badData,
        count == 1
          ? "a tensor belongs to no part of the model"
          : "\(count) tensors belong to no part of the model",
        first(names.map { "'\($0)'" }, of: count))
    case .ambiguousForm(let fused, let trainTime):
      return ErrorReport(
        .badData, "a unit is stored fused and in train-time form at once",
        ["fused: '\(fused)'", "train-time: '\(trainTime)'"])
    case .configurationFileMissing(let directory, let file):
      return ErrorReport(
        .inputMissing, "cannot read checkpoint '\(directory)'", ["there is no '\(file)' in it"])
    case .configurationMissing(let file, let key):
      return ErrorReport(
        .badData, "the configuration says too little", ["'\(file)': '\(key)' is missing"])
    case .configurationValue(let file, let key, let expected, let found):
      return ErrorReport(
        .badData, "the configuration cannot be used",
        ["'\(file)', '\(key)': expected \(expected), found \(found)"])
    case .configurationMismatch(let key, let stated, let tensor, let found):
      return ErrorReport(
        .badData, "the configuration contradicts the tensors",
        ["'\(key)' states \(stated)", "tensor '\(tensor)' gives \(found)"],
        hint: "the files may come from different versions of the model")
    case .widthMismatch(let from, let width, let to, let expected):
      return ErrorReport(
        .badData, "the parts of the model do not fit each other",
        ["'\(from)' gives \(width) channels, '\(to)' takes \(expected)"])
    case .tokenizerMissing(let directory, let tried):
      return ErrorReport(
        .inputMissing, "the checkpoint has no tokenizer",
        ["looked in '\(directory)' for: \(tried.joined(separator: ", "))"])
    case .tokenMissing(let content):
      return ErrorReport(
        .badData, "the tokenizer does not fit the prompt", ["it has no token '\(content)'"])
    case .tokenizerSize(let size, let rows):
      return ErrorReport(
        .badData, "the tokenizer does not fit the model",
        ["it has \(size) tokens, the embedding \(rows) rows"])
    case .tokenizerFamily(let decoder, let tokenizer):
      return ErrorReport(
        .badData, "the tokenizer does not fit the model",
        ["the decoder is of \(decoder)'s form, the tokenizer of \(tokenizer)'s"])
    case .batchNormStatistic(let layer, let parameter, let channel, let found):
      return ErrorReport(
        .badData, "a batch norm has an impossible statistic",
        ["layer '\(layer)', '\(parameter)', channel \(channel): found \(found)"],
        hint: "the checkpoint is damaged, or its training went wrong")
    case .model(let error): return of(error)
    case .checkpoint(let error): return of(error)
    case .tokenizer(let error): return of(error)
    }
  }

  static func meant(_ nearest: String?) -> String? { nearest.map { "did you mean '\($0)'?" } }
}
