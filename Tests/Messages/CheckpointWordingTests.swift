import MartletBoardMessages
import MartletCheckpoints
import MartletConversion
import MartletMessages
import Testing

/// The words of checkpoints that cannot be read or are no model.
@Suite struct CheckpointWordingTests {
  private static func unreadable(_ error: CheckpointError, _ evidence: String) -> Wording {
    Wording(.of(error), .badData, "error: cannot read checkpoint 'm'\n  \(evidence)")
  }

  private static let cut = "\n  hint: the file may be cut short; compare its size with the source"

  static let checkpoints: [Wording] = [
    Wording(
      .of(CheckpointError.file(.notAFile(path: "m"))), .badData,
      "error: cannot use 'm'\n  expected: a regular file\n  found: a folder, a device or a pipe"),
    Wording(
      .of(CheckpointError.missing(path: "m")), .inputMissing,
      "error: cannot read checkpoint 'm'\n  there is no such file or folder"),
    unreadable(
      .noWeights(directory: "m"),
      "expected: at least one file of weights in the folder; found: none"),
    unreadable(
      .unsupportedFormat(path: "m", found: "NumPy archive"),
      "expected: safetensors, gguf, torch, hdf5; found: NumPy archive"),
    Wording(
      .of(CheckpointError.severalModels(directory: "m", files: ["a", "b"])), .badData,
      "error: cannot tell which model of 'm' is meant\n  found: 'a', 'b'\n"
        + "  hint: give the path of one of them"
    ),
    unreadable(
      .ggufField(path: "m", offset: 4, field: "version", expected: "2 or 3", found: "1"),
      "'version' at byte 4: expected 2 or 3, found 1"),
    unreadable(
      .duplicateTensor(name: "w", first: "m", second: "m"),
      "tensor 'w': expected once, found twice"),
    unreadable(
      .unknownFormat(path: "m", firstBytes: [1, 255]),
      "expected: safetensors, gguf, torch, hdf5; found: first bytes 01 ff"),
    unreadable(
      .headerSize(path: "m", found: 90, limit: 8),
      "header at byte 0: length 90 given, at most 8 possible" + cut),
    unreadable(
      .headerField(path: "m", tensor: "", field: "", expected: "object", found: "array"),
      "header: expected object, found array"),
    unreadable(
      .headerField(path: "m", tensor: "w", field: "shape", expected: "array", found: "null"),
      "tensor 'w', 'shape': expected array, found null"),
    unreadable(
      .unknownField(path: "m", tensor: "w", field: "color"), "tensor 'w': unknown field 'color'"),
    unreadable(
      .unknownElementType(path: "m", tensor: "w", found: "F9"), "tensor 'w': unknown type 'F9'"),
    unreadable(
      .shapeOverflow(path: "m", tensor: "w", shape: [1, 2]),
      "tensor 'w': shape [1, 2] is larger than any file"),
    unreadable(
      .tensorSize(
        path: "m", tensor: "stem.0.weight", elementType: .float16, shape: [96, 3, 3, 3],
        expected: 5184, found: 5180, offset: 10240),
      "tensor 'stem.0.weight': shape [96, 3, 3, 3] of F16 needs 5184 bytes, header gives 5180 "
        + "(at byte 10240)"),
    unreadable(
      .dataBeyondEnd(path: "m", tensor: "w", end: 90, byteCount: 80),
      "tensor 'w' ends at byte 90, the file at 80" + cut),
    unreadable(
      .overlap(path: "m", first: "a", second: "b", offset: 8),
      "tensors 'a' and 'b' overlap at byte 8"),
    unreadable(
      .hole(path: "m", tensor: "w", expected: 8, found: 16),
      "tensor 'w' starts at byte 16, the one before it ends at 8"),
    unreadable(
      .trailingBytes(path: "m", end: 8, byteCount: 9), "the tensors end at byte 8, the file at 9"),
    unreadable(
      .mlx(path: "m", tensor: "a.scales", expected: "offsets beside it", found: "none"),
      "tensor 'a.scales': expected offsets beside it, found none"),
    unreadable(
      .hdf5(path: "m", object: "", expected: "a whole HDF5 file", found: "truncated file"),
      "file: expected a whole HDF5 file, found truncated file"),
    unreadable(
      .hdf5(path: "m", object: "/a/w", expected: "deflate and shuffle only", found: "filter 3"),
      "'/a/w': expected deflate and shuffle only, found filter 3"),
    unreadable(
      .zip(path: "m", member: "", offset: 9, expected: "one archive", found: "a part of one"),
      "archive at byte 9: expected one archive, found a part of one" + cut),
    unreadable(
      .zip(path: "m", member: "a/version", offset: 9, expected: "3 bytes", found: "2"),
      "member 'a/version' at byte 9: expected 3 bytes, found 2" + cut),
    unreadable(
      .compressedMember(path: "m", member: "a/data.pkl", method: 8),
      "member 'a/data.pkl': expected stored bytes, found compression method 8\n"
        + "  hint: torch stores all members; unpack the archive and pack it with zip -0"),
    unreadable(
      .pickle(path: "m", offset: 7, expected: "a list to append to", found: "None"),
      "pickle at byte 7: expected a list to append to, found None"),
    unreadable(
      .pickleGlobal(path: "m", offset: 7, name: "os system"),
      "pickle at byte 7: expected tensors only, found Python's 'os system'\n"
        + "  hint: nothing of it was run; save the weights alone: "
        + "torch.save(model.state_dict(), …)"),
    unreadable(
      .torchStorage(path: "m", storage: "3", expected: "16 bytes", found: "12", offset: 64),
      "storage '3' at byte 64: expected 16 bytes, found 12" + cut),
    unreadable(
      .torchView(
        path: "m", tensor: "w", storage: "3", shape: [2, 4], strides: [4, 1], end: 8, available: 6),
      "tensor 'w': shape [2, 4] with strides [4, 1] ends at element 8, storage '3' at 6"),
    Wording(
      .of(CheckpointError.duplicateTensor(name: "w", first: "a", second: "b")), .badData,
      "error: tensor 'w' stands in two files\n  'a' and 'b'"),
    Wording(
      .of(
        CheckpointError.indexField(
          path: "i", field: "weight_map", expected: "object", found: "null")), .badData,
      "error: cannot read index 'i'\n  'weight_map': expected object, found null"),
    Wording(
      .of(CheckpointError.shardOutsideDirectory(index: "i", file: "../x")), .badData,
      "error: cannot read index 'i'\n  expected: names of files beside it; found: '../x'"),
    Wording(
      .of(CheckpointError.missingPart(path: "m", file: "x", count: 3)), .inputMissing,
      """
      error: a part of the checkpoint is missing
        'm' is one of 3 files, 'x' is not beside it
        hint: the download may be incomplete
      """),
    Wording(
      .of(CheckpointError.missingShard(index: "i", file: "x")), .inputMissing,
      """
      error: a shard of the checkpoint is missing
        index 'i' names 'x', which is not there
        hint: the download may be incomplete
      """),
    Wording(
      .of(CheckpointError.tensorNotInShard(index: "i", tensor: "w", file: "x")), .badData,
      """
      error: index and shards contradict each other
        index 'i' places tensor 'w' in 'x', which lacks it
        hint: the files may come from different versions of the model
      """),
    Wording(
      .of(CheckpointError.tensorNotInIndex(index: "i", tensor: "w", file: "x")), .badData,
      """
      error: index and shards contradict each other
        'x' holds tensor 'w', which index 'i' does not list there
        hint: the files may come from different versions of the model
      """),
    Wording(
      .of(CheckpointError.noSuchTensor(name: "w")), .badData,
      "error: the checkpoint lacks tensor 'w'"),
    Wording(
      .of(
        CheckpointError.elementTypeMismatch(tensor: "w", expected: "floats", found: .int64)),
      .badData, "error: tensor 'w' has the wrong type\n  expected: floats\n  found: I64"),
  ]

  static let conversions: [Wording] = [
    Wording(
      .of(
        ConversionError.unknownArchitecture(
          modelType: "llava_qwen", architectures: [], supported: ["llava_qwen2", "fast_vlm"],
          nearest: "llava_qwen2")), .badData,
      """
      error: the checkpoint is of no known architecture
        found: model_type 'llava_qwen', architectures not stated
        expected: one of llava_qwen2, fast_vlm
        hint: did you mean 'llava_qwen2'?
      """),
    Wording(
      .of(
        ConversionError.unsupportedLayout(
          layout: "MLX", evidence: "model.x", supported: ["llava_qwen2"])), .badData,
      """
      error: the checkpoint is in a layout that is not read
        found: MLX, by 'model.x'
        expected: llava_qwen2
      """),
    Wording(
      .of(ConversionError.missingTensor(name: "a.w", shape: [2, 3], nearest: "b.w")), .badData,
      """
      error: the checkpoint lacks tensor 'a.w'
        expected: shape [2, 3]
        hint: did you mean 'b.w'?
      """),
    Wording(
      .of(ConversionError.tensorShape(name: "w", expected: "[2, 3]", found: [3, 2])), .badData,
      "error: tensor 'w' has the wrong shape\n  expected: [2, 3]\n  found: [3, 2]"),
    Wording(
      .of(ConversionError.tensorType(name: "w", found: "I64")), .badData,
      "error: tensor 'w' has the wrong type\n  expected: floating point\n  found: I64"),
    Wording(
      .of(ConversionError.unknownTensors(count: 1, names: ["w"])), .badData,
      "error: a tensor belongs to no part of the model\n  'w'"),
    Wording(
      .of(ConversionError.unknownTensors(count: 9, names: ["a", "b", "c", "d", "e", "f"])),
      .badData,
      """
      error: 9 tensors belong to no part of the model
        'a'
        'b'
        'c'
        'd'
        'e'
        and 4 more
      """),
    Wording(
      .of(ConversionError.ambiguousForm(fused: "a", trainTime: "b")), .badData,
      """
      error: a unit is stored fused and in train-time form at once
        fused: 'a'
        train-time: 'b'
      """),
    Wording(
      .of(ConversionError.configurationFileMissing(directory: "m", file: "config.json")),
      .inputMissing, "error: cannot read checkpoint 'm'\n  there is no 'config.json' in it"),
    Wording(
      .of(ConversionError.configurationMissing(file: "config.json", key: "k")), .badData,
      "error: the configuration says too little\n  'config.json': 'k' is missing"),
    Wording(
      .of(
        ConversionError.configurationValue(
          file: "config.json", key: "k", expected: "a number", found: "null")), .badData,
      """
      error: the configuration cannot be used
        'config.json', 'k': expected a number, found null
      """),
    Wording(
      .of(ConversionError.configurationMismatch(key: "k", stated: 3, tensor: "w", found: 4)),
      .badData,
      """
      error: the configuration contradicts the tensors
        'k' states 3
        tensor 'w' gives 4
        hint: the files may come from different versions of the model
      """),
    Wording(
      .of(ConversionError.widthMismatch(from: "a", width: 3, to: "b", expected: 4)), .badData,
      """
      error: the parts of the model do not fit each other
        'a' gives 3 channels, 'b' takes 4
      """),
    Wording(
      .of(ConversionError.tokenizerMissing(directory: "m", tried: ["a", "b"])), .inputMissing,
      "error: the checkpoint has no tokenizer\n  looked in 'm' for: a, b"),
    Wording(
      .of(ConversionError.tokenMissing(content: "<x>")), .badData,
      "error: the tokenizer does not fit the prompt\n  it has no token '<x>'"),
    Wording(
      .of(ConversionError.tokenizerSize(size: 5, rows: 4)), .badData,
      "error: the tokenizer does not fit the model\n  it has 5 tokens, the embedding 4 rows"),
    Wording(
      .of(ConversionError.tokenizerFamily(decoder: "llama", tokenizer: "qwen2")), .badData,
      """
      error: the tokenizer does not fit the model
        the decoder is of llama's form, the tokenizer of qwen2's
      """),
    Wording(
      .of(
        ConversionError.batchNormStatistic(
          layer: "bn", parameter: "bn.running_var", channel: 2, found: -1)), .badData,
      """
      error: a batch norm has an impossible statistic
        layer 'bn', 'bn.running_var', channel 2: found -1.0
        hint: the checkpoint is damaged, or its training went wrong
      """),
    Wording(
      .of(ConversionError.checkpoint(.noSuchTensor(name: "w"))), .badData,
      "error: the checkpoint lacks tensor 'w'"),
    Wording(
      .of(ConversionError.tokenizer(.missingByte(7))), .badData,
      "error: cannot use the model's tokenizer\n  no token stands for byte 07"),
    Wording(
      .of(ConversionError.model(.duplicateName("a"))), .badData,
      "error: the model does not fit together\n  the name 'a' stands twice"),
  ]

  @Test(arguments: checkpoints) func wordsOfCheckpoints(_ wording: Wording) { wording.check() }
  @Test(arguments: conversions) func wordsOfConversion(_ wording: Wording) { wording.check() }
}
