/// Names of transformers' layout for those of Apple's (reference section 7.2).
struct NativeNames {
  private static let encoder = "model.vision_tower.timm_model."
  /// Apple's number in the flat list to the path of the part.
  private var parts: [String] = []

  init(_ encoder: ModelShape.Encoder) {
    for stage in encoder.widths.indices {
      if stage > 0 { parts.append("stages.\(stage).downsample") }
      if stage >= encoder.firstAttention { parts.append("stages.\(stage).pos_emb") }
      parts.append("stages.\(stage).blocks")
    }
  }

  /// The name of a tensor in fused form; `nil` for the CLIP head, which this layout does not have.
  func name(of apple: String) -> String? {
    if let name = Self.replacing(prefix: "\(EncoderTensors.path).", of: apple, by: "") {
      return encoderName(of: name).map { Self.encoder + $0 }
    }
    for (prefix, native) in [
      ("model.mm_projector.0.", "model.multi_modal_projector.linear_1."),
      ("model.mm_projector.2.", "model.multi_modal_projector.linear_2."),
      ("model.", "model.language_model."),
    ] {
      if let name = Self.replacing(prefix: prefix, of: apple, by: native) { return name }
    }
    return apple
  }

  private func encoderName(of apple: String) -> String? {
    if apple == "head.proj" { return nil }
    for (prefix, native) in [
      ("patch_embed.", "stem."), ("conv_exp.se.reduce.", "final_conv.se.fc1."),
      ("conv_exp.se.expand.", "final_conv.se.fc2."), ("conv_exp.", "final_conv."),
    ] {
      if let name = Self.replacing(prefix: prefix, of: apple, by: native) { return name }
    }
    let words = apple.split(separator: ".")
    guard words.count > 2, words[0] == "network", let index = Int(words[1]) else {
      preconditionFailure("every name of the encoder is known")
    }
    var name = parts[index]
    for word in words[2...] {
      switch word {
      case "convffn": name += ".mlp"
      case "lkb_reparam": name += ".reparam_conv"
      case "layer_scale", "layer_scale_1", "layer_scale_2": name += ".\(word).gamma"
      default: name += ".\(word)"
      }
    }
    return name
  }

  private static func replacing(prefix: String, of name: String, by native: String) -> String? {
    name.hasPrefix(prefix) ? native + name.dropFirst(prefix.count) : nil
  }
}
