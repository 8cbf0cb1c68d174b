import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletTestSupport
import Testing

/// Checkpoints that are not what they should be: each fault has its error, which names it.
@Suite struct CheckpointFaultTests {
  struct Fault: CustomTestStringConvertible {
    var testDescription: String
    var fixture = TinyFixture.llava
    var edit: @Sendable (inout EditedCheckpoint) -> Void
    /// Completed at run time with the fixture's encoder path.
    var error: @Sendable (_ encoder: String) -> ConversionError
  }

  private func error(
    _ fixture: TinyFixture, _ edit: (inout EditedCheckpoint) -> Void
  ) throws -> ConversionError? {
    var checkpoint = try EditedCheckpoint(fixture)
    edit(&checkpoint)
    let directory = try TemporaryDirectory()
    let opened = try checkpoint.open(in: directory)
    do {
      _ = try SourceModel.read(opened)
      return nil
    } catch let error as ConversionError {
      return error.withoutDirectory(directory.path)
    }
  }

  @Test(arguments: tensorFaults + configurationFaults) func faultIsNamed(_ fault: Fault) throws {
    let found = try error(fault.fixture, fault.edit)
    let expected = fault.error(try EditedCheckpoint(fault.fixture).encoder)
    #expect(found == expected, "found \(String(describing: found)), expected \(expected)")
  }

  static let tensorFaults: [Fault] = [
    Fault(testDescription: "misspelled tensor") { checkpoint in
      checkpoint.rename(
        checkpoint.encoder + "conv_exp.se.reduce.bias",
        checkpoint.encoder + "conv_exp.se.redcue.bias")
    } error: { encoder in
      .missingTensor(
        name: encoder + "conv_exp.se.reduce.bias", shape: [16],
        nearest: encoder + "conv_exp.se.redcue.bias")
    },
    Fault(testDescription: "hole in the block numbers") { checkpoint in
      for name in checkpoint.tensors.keys where name.contains("network.4.0.") {
        checkpoint.tensors[name] = nil
      }
    } error: {
      .missingTensor(name: $0 + "network.4.0", shape: nil, nearest: nil)
    },
    Fault(testDescription: "last stage missing") { checkpoint in
      for name in checkpoint.tensors.keys where name.contains("network.10.") {
        checkpoint.tensors[name] = nil
      }
    } error: {
      .missingTensor(name: $0 + "network.10", shape: nil, nearest: nil)
    },
    Fault(testDescription: "no projector") { checkpoint in
      for name in checkpoint.tensors.keys where name.contains("mm_projector") {
        checkpoint.tensors[name] = nil
      }
    } error: { _ in
      .missingTensor(name: "model.mm_projector.0.weight", shape: nil, nearest: nil)
    },
    Fault(testDescription: "wrong layer scale") { checkpoint in
      checkpoint.add(checkpoint.encoder + "network.2.1.layer_scale", [8, 2, 1])
    } error: {
      .tensorShape(
        name: $0 + "network.2.1.layer_scale", expected: "[16]", found: [8, 2, 1])
    },
    Fault(testDescription: "even kernel") { checkpoint in
      checkpoint.add(checkpoint.encoder + "patch_embed.1.reparam_conv.weight", [8, 1, 4, 4])
    } error: {
      .tensorShape(
        name: $0 + "patch_embed.1.reparam_conv.weight",
        expected: "[*, 8 or 1, k, k] with an odd k", found: [8, 1, 4, 4])
    },
    Fault(testDescription: "channels last") { checkpoint in
      checkpoint.add(checkpoint.encoder + "patch_embed.1.reparam_conv.weight", [8, 3, 3, 1])
    } error: {
      .tensorShape(
        name: $0 + "patch_embed.1.reparam_conv.weight",
        expected: "[*, 8 or 1, k, k] with an odd k", found: [8, 3, 3, 1])
    },
    Fault(testDescription: "integer weights") { checkpoint in
      checkpoint.add("model.norm.weight", [64], type: .int64)
    } error: { _ in
      .tensorType(name: "model.norm.weight", found: "I64")
    },
    Fault(testDescription: "unknown tensor") { checkpoint in
      checkpoint.add("model.layers.0.self_attn.q_norm.weight", [16])
    } error: { _ in
      .unknownTensors(count: 1, names: ["model.layers.0.self_attn.q_norm.weight"])
    },
    Fault(testDescription: "stray batch counter") { checkpoint in
      checkpoint.add("model.norm.num_batches_tracked", [], type: .int64)
    } error: { _ in
      .unknownTensors(count: 1, names: ["model.norm.num_batches_tracked"])
    },
    Fault(testDescription: "fused and branches at once") { checkpoint in
      checkpoint.add(checkpoint.encoder + "patch_embed.0.rbr_conv.0.conv.weight", [8, 3, 3, 3])
    } error: {
      .ambiguousForm(
        fused: $0 + "patch_embed.0.reparam_conv", trainTime: $0 + "patch_embed.0.rbr_conv")
    },
    Fault(testDescription: "branches of different widths", fixture: .llavaTrain) { checkpoint in
      checkpoint.add(checkpoint.encoder + "conv_exp.rbr_scale.conv.weight", [128, 1, 1, 1])
    } error: {
      .tensorShape(
        name: $0 + "conv_exp.rbr_scale.conv.weight", expected: "[256, 1, k, k]",
        found: [128, 1, 1, 1])
    },
    Fault(testDescription: "projector of another model") { checkpoint in
      checkpoint.add("model.mm_projector.2.weight", [32, 64])
      checkpoint.add("model.mm_projector.2.bias", [32])
    } error: { _ in
      .widthMismatch(
        from: "model.mm_projector", width: 32, to: "model.embed_tokens.weight", expected: 64)
    },
    Fault(testDescription: "native, missing statistic", fixture: .native) { checkpoint in
      checkpoint.tensors[checkpoint.encoder + "stages.0.blocks.0.mlp.conv.bn.running_var"] = nil
    } error: {
      .missingTensor(
        name: $0 + "stages.0.blocks.0.mlp.conv.bn.running_var", shape: [8], nearest: nil)
    },
    Fault(testDescription: "native, stage without blocks", fixture: .native) { checkpoint in
      for name in checkpoint.tensors.keys where name.contains("stages.1.blocks") {
        checkpoint.tensors[name] = nil
      }
    } error: {
      .missingTensor(name: $0 + "stages.1.blocks.0", shape: nil, nearest: nil)
    },
  ]

  static let configurationFaults: [Fault] = [
    Fault(testDescription: "no configuration") {
      $0.config = .null
    } error: { _ in
      .configurationFileMissing(directory: "", file: "config.json")
    },
    Fault(testDescription: "lying depth") {
      $0.set("num_hidden_layers", to: 3)
    } error: { _ in
      .configurationMismatch(
        key: "num_hidden_layers", stated: 3, tensor: "model.layers.2", found: 2)
    },
    Fault(testDescription: "lying width") {
      $0.set("hidden_size", to: 128)
    } error: { _ in
      .configurationMismatch(
        key: "hidden_size", stated: 128, tensor: "model.embed_tokens.weight", found: 64)
    },
    Fault(testDescription: "lying vocabulary") {
      $0.set("vocab_size", to: 511)
    } error: { _ in
      .configurationMismatch(
        key: "vocab_size", stated: 511, tensor: "model.embed_tokens.weight", found: 512)
    },
    Fault(testDescription: "lying inner width") {
      $0.set("intermediate_size", to: 111)
    } error: { _ in
      .configurationMismatch(
        key: "intermediate_size", stated: 111, tensor: "model.layers.0.mlp.gate_proj.weight",
        found: 112)
    },
    Fault(testDescription: "heads that do not divide") {
      $0.set("num_attention_heads", to: 7)
    } error: { _ in
      .configurationMismatch(
        key: "num_attention_heads", stated: 7, tensor: "model.layers.0.self_attn.q_proj.weight",
        found: 64)
    },
    Fault(testDescription: "lying key-value heads") {
      $0.set("num_key_value_heads", to: 4)
    } error: { _ in
      .configurationMismatch(
        key: "num_key_value_heads", stated: 4, tensor: "model.layers.0.self_attn.k_proj.weight",
        found: 32)
    },
    Fault(testDescription: "lying encoder width") {
      $0.set("mm_hidden_size", to: 3072)
    } error: {
      .configurationMismatch(
        key: "mm_hidden_size", stated: 3072, tensor: $0 + "conv_exp", found: 256)
    },
    Fault(testDescription: "lying projector depth") {
      $0.set("mm_projector_type", to: "mlp3x_gelu")
    } error: { _ in
      .configurationMismatch(
        key: "mm_projector_type", stated: 3, tensor: "model.mm_projector.0.weight", found: 2)
    },
    Fault(testDescription: "unknown projector") {
      $0.set("mm_projector_type", to: "resampler")
    } error: { _ in
      .configurationValue(
        file: "config.json", key: "mm_projector_type", expected: "linear or mlp<N>x_gelu",
        found: "resampler")
    },
    Fault(testDescription: "heads as text") {
      $0.set("num_attention_heads", to: "four")
    } error: { _ in
      .configurationValue(
        file: "config.json", key: "num_attention_heads",
        expected: "an integer from 1 to 16777216", found: "\"four\"")
    },
    Fault(testDescription: "heads beyond reason", fixture: .native) {
      $0.set("text_config", "num_attention_heads", to: JSONValue(1 << 62))
    } error: { _ in
      .configurationValue(
        file: "config.json", key: "text_config.num_attention_heads",
        expected: "an integer from 1 to 16777216", found: "4611686018427387904")
    },
    Fault(testDescription: "no theta", fixture: .native) {
      $0.set("text_config", "rope_parameters", to: nil)
    } error: { _ in
      .configurationMissing(file: "config.json", key: "text_config.rope_theta")
    },
    Fault(testDescription: "other rotation", fixture: .native) {
      $0.set("text_config", "rope_parameters", "rope_type", to: "yarn")
    } error: { _ in
      .configurationValue(
        file: "config.json", key: "text_config.rope_parameters.rope_type", expected: "default",
        found: "yarn")
    },
    Fault(testDescription: "sliding window") {
      $0.set("use_sliding_window", to: true)
    } error: { _ in
      .configurationValue(
        file: "config.json", key: "use_sliding_window", expected: "false", found: "true")
    },
    Fault(testDescription: "tiles of pictures") {
      $0.set("image_aspect_ratio", to: "anyres")
    } error: { _ in
      .configurationValue(
        file: "config.json", key: "image_aspect_ratio", expected: "pad, square or crop",
        found: "anyres")
    },
    Fault(testDescription: "resolution between strides") {
      $0.set("mm_vision_tower", to: "mobileclip_l_1000")
    } error: { _ in
      .configurationValue(
        file: "config.json", key: "resolution", expected: "a multiple of 64", found: "1000")
    },
    Fault(testDescription: "almost the architecture") {
      $0.set("model_type", to: "lava_qwen2")
    } error: { _ in
      .unknownArchitecture(
        modelType: "lava_qwen2", architectures: ["LlavaQwen2ForCausalLM"],
        supported: ["llava_qwen2", "fast_vlm", "llava_llama"], nearest: "llava_qwen2")
    },
    Fault(testDescription: "another architecture") {
      $0.set("model_type", to: "paligemma")
    } error: { _ in
      .unknownArchitecture(
        modelType: "paligemma", architectures: ["LlavaQwen2ForCausalLM"],
        supported: ["llava_qwen2", "fast_vlm", "llava_llama"], nearest: nil)
    },
    Fault(testDescription: "an adapter's names") {
      $0.rename("model.norm.weight", "base_model.model.model.norm.weight")
    } error: { _ in
      .unsupportedLayout(
        layout: "LLaVA adapter", evidence: "base_model.model.model.norm.weight",
        supported: ["llava_qwen2", "fast_vlm", "llava_llama"])
    },
    Fault(testDescription: "no tokenizer") {
      $0.files["vocab.json"] = nil
    } error: { _ in
      .tokenizerMissing(directory: "", tried: ["tokenizer.json", "vocab.json and merges.txt"])
    },
  ]
}

extension ConversionError {
  /// The directory is another one in every run.
  fileprivate func withoutDirectory(_ path: String) -> ConversionError {
    switch self {
    case .configurationFileMissing(path, let file):
      .configurationFileMissing(directory: "", file: file)
    case .tokenizerMissing(path, let tried): .tokenizerMissing(directory: "", tried: tried)
    default: self
    }
  }
}
