import MartletBytes

/// What the configuration of an mlx export says of its quantization, and the matrices it makes of the stored tensors.
struct MLXQuantization {
  private struct Setting: Equatable {
    var group: Int
    var bits: Int
  }

  private let path: String
  private let common: Setting
  private let object: JSONValue

  private static let key = "quantization"
  private static let scales = "scales"
  private static let offsets = "biases"
  private static let weight = "weight"

  /// `nil` where the configuration states no quantization of mlx's kind.
  ///
  /// - Parameter path: of the configuration.
  init?(_ config: JSONValue?, path: String) throws(CheckpointError) {
    guard let object = config?[Self.key], object.object != nil else { return nil }
    self.path = path
    self.object = object
    common = try Self.setting(object, "", path)
  }

  private static func setting(
    _ value: JSONValue, _ layer: String, _ path: String
  ) throws(CheckpointError) -> Setting {
    let place = key + (layer.isEmpty ? "" : "." + layer)
    func wrong(_ field: String, _ expected: String) -> CheckpointError {
      let found = value[field]
      var text = found?.kind ?? "nothing"
      if case .number(let number)? = found { text = number.text }
      if case .string(let string)? = found { text = string }
      return .indexField(
        path: path, field: place + "." + field, expected: expected, found: text)
    }
    guard let group = value["group_size"]?.int, group > 0, group <= 4096 else {
      throw wrong("group_size", "1 to 4096")
    }
    guard let bits = value["bits"]?.int, [2, 4, 8].contains(bits) else {
      throw wrong("bits", "2, 4 or 8")
    }
    if let mode = value["mode"], mode.string != "affine" { throw wrong("mode", "affine") }
    return Setting(group: group, bits: bits)
  }

  /// The tensors with every triple of words, scales and offsets as one matrix of floats.
  ///
  /// - Returns: the tensors, and how many matrices there are of each kind.
  /// - Throws: `mlx`, `indexField`.
  func joined(
    _ tensors: [String: CheckpointTensor], _ mapped: [String: MappedFile]
  ) throws(CheckpointError) -> (tensors: [String: CheckpointTensor], remarks: [CheckpointRemark]) {
    var joined = tensors
    var counts: [String: Int] = [:]
    for name in tensors.keys.sorted() where name.hasSuffix("." + Self.scales) {
      let stem = String(name.dropLast(Self.scales.count))
      guard let scales = tensors[name], let words = tensors[stem + Self.weight] else {
        throw error(tensors[name], "packed weights beside it", "none")
      }
      guard let offsets = tensors[stem + Self.offsets] else {
        throw error(scales, "offsets beside it", "none")
      }
      let matrix = try matrix(words, scales, offsets, layer: String(stem.dropLast()), mapped)
      joined[stem + Self.weight] = matrix
      joined[name] = nil
      joined[stem + Self.offsets] = nil
      counts[matrix.storedType, default: 0] += 1
    }
    let remarks = counts.sorted { $0.key < $1.key }.map { kind, count in
      CheckpointRemark.decoded(kind: kind, count: count)
    }
    return (joined, remarks)
  }

  private func error(
    _ tensor: CheckpointTensor?, _ expected: String, _ found: String
  ) -> CheckpointError {
    .mlx(
      path: tensor?.file ?? path, tensor: tensor?.name ?? "", expected: expected, found: found)
  }

  private func matrix(
    _ words: CheckpointTensor, _ scales: CheckpointTensor, _ offsets: CheckpointTensor,
    layer: String, _ mapped: [String: MappedFile]
  ) throws(CheckpointError) -> CheckpointTensor {
    var setting = common
    if let own = object[layer], own.object != nil {
      setting = try Self.setting(own, layer, path)
    }
    guard words.elementType == .uint32, words.shape.count == 2 else {
      throw error(words, "a matrix of U32 words", "\(words.elementType.rawValue) \(words.shape)")
    }
    guard scales.elementType.isFloat, scales.shape.count == 2, scales.shape[0] == words.shape[0]
    else {
      throw error(
        scales, "floats [\(words.shape[0]), groups]",
        "\(scales.elementType.rawValue) \(scales.shape)")
    }
    if offsets.elementType != scales.elementType || offsets.shape != scales.shape {
      throw error(
        offsets, "\(scales.elementType.rawValue) \(scales.shape), as the scales",
        "\(offsets.elementType.rawValue) \(offsets.shape)")
    }
    let inputs = scales.shape[1].multipliedReportingOverflow(by: setting.group)
    let stored = words.shape[1].multipliedReportingOverflow(by: 32 / setting.bits)
    guard !inputs.overflow, !stored.overflow, inputs.partialValue == stored.partialValue,
      ElementType.float32.byteCount(shape: [words.shape[0], inputs.partialValue]) != nil
    else {
      throw error(
        words, "\(setting.bits)-bit codes for \(scales.shape[1]) groups of \(setting.group)",
        "\(words.shape[1]) words a row")
    }
    guard let codes = part(words, mapped), let factors = part(scales, mapped),
      let shifts = part(offsets, mapped)
    else { throw error(words, "words, scales and offsets as they are in the file", "others") }
    return CheckpointTensor(
      name: words.name, elementType: .float32, shape: [words.shape[0], inputs.partialValue],
      file: words.file,
      storage: .decoded(
        AffineGroups(
          words: codes, scales: factors, offsets: shifts, bits: setting.bits,
          group: setting.group)))
  }

  private func part(
    _ tensor: CheckpointTensor, _ mapped: [String: MappedFile]
  ) -> AffineGroups.Part? {
    guard case .contiguous(let range) = tensor.storage, let file = mapped[tensor.file] else {
      return nil
    }
    return AffineGroups.Part(file: file, range: range, type: tensor.elementType)
  }
}
