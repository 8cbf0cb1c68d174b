import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletExport
import MartletModel
import MartletPack
import MartletQuantization
import MartletTestSupport
import Testing

/// Groups that other programs quantized to 4 bits, packed by a scheme that has the same numbers.
@Suite struct PassedGroupsTests {
  /// One matrix as mlx stored it, in groups of 64.
  private struct Stored {
    let words: [Int]
    let scales: [Float]
    let offsets: [Float]
    let groups: Int

    init(_ name: String, in checkpoint: Checkpoint) throws {
      words = try checkpoint.integers("\(name).weight")
      scales = try checkpoint.floats("\(name).scales")
      offsets = try checkpoint.floats("\(name).biases")
      groups = try #require(checkpoint["\(name).scales"]).shape[1]
    }

    /// The codes of 32 inputs, −8…7, and their scale; `nil` where the numbers are not symmetric.
    func half(_ row: Int, _ half: Int) -> (codes: [Int], scale: Float)? {
      let group = row * groups + half / 2
      if offsets[group] != -8 * scales[group] { return nil }
      let codes = (0..<32).map { input in
        words[row * groups * 8 + half * 4 + input / 8] >> (4 * (input % 8)) & 15 - 8
      }
      return (codes, scales[group])
    }
  }

  private struct Counts {
    var rounded = 0
    var kept = 0
    var copied = 0
  }

  private func packed(_ checkpoint: Checkpoint) throws -> (pack: PackParameters, model: FoldedModel)
  {
    let model = try SourceModel.read(checkpoint).model.folded().model
    let directory = try TemporaryDirectory()
    let pack = try ExportTests.pack(model, .int4, in: directory)
    return (try PackParameters(pack, pool: ThreadPool(threads: 1)), model)
  }

  @Test func groupsOfMLXKeepTheirNumbersWhereTheSchemeHasThem() throws {
    let folder = ExportTests.fixture("formats/mlx-int4")
    let base = try Checkpoint.open(ExportTests.fixture("tiny/llava"))
    let (pack, model) = try packed(Checkpoint.open(folder).takingEncoder(from: base))
    // Without its configuration the file is what it stores.
    let bare = try TemporaryDirectory()
    try bare.write(SmallFile.bytes(of: "\(folder)/model.safetensors"), to: "model.safetensors")
    let stored = try Checkpoint.open(bare.path)
    var counts = Counts()
    for layer in 0..<2 {
      let (theirs, ours) = (
        "language_model.model.layers.\(layer)", "language.layers.\(layer)"
      )
      for (name, parameter, first) in [
        ("self_attn.q_proj", "attention.qkv", 0), ("self_attn.k_proj", "attention.qkv", 64),
        ("self_attn.v_proj", "attention.qkv", 96), ("self_attn.o_proj", "attention.output", 0),
        ("mlp.gate_proj", "mlp.gateUp", 0), ("mlp.up_proj", "mlp.gateUp", 112),
      ] {
        try compare(
          try Stored("\(theirs).\(name)", in: stored), "\(ours).\(parameter).weight", first, pack,
          model, &counts)
      }
    }
    #expect(counts.kept > 100 && counts.copied > 50 && counts.rounded > 100, "\(counts)")
  }

  private func compare(
    _ stored: Stored, _ parameter: String, _ first: Int, _ pack: PackParameters,
    _ model: FoldedModel, _ counts: inout Counts
  ) throws {
    let width = 64 * stored.groups
    let found = try pack.values(of: parameter)
    let expected = try model.parameters.values(of: parameter)
    for row in 0..<stored.scales.count / stored.groups {
      let blocks = try #require(
        try pack.blocks(of: parameter, rows: first + row..<first + row + 1, as: .q4))
      for half in 0..<2 * stored.groups {
        guard let (codes, scale) = stored.half(row, half) else {
          counts.rounded += 1
          continue
        }
        counts.kept += 1
        let start = (first + row) * width + 32 * half
        #expect(
          found[start..<start + 32] == expected[start..<start + 32], "\(parameter) \(row) \(half)")
        #expect(found[start..<start + 32].elementsEqual(codes.map { scale * Float($0) }))
        guard codes.contains(-8) else { continue }
        counts.copied += 1
        // The very codes under the very scale: a block of Q4_0 holds inputs 0 to 15 in low nibbles.
        let bits = Float16(scale).bitPattern
        var block = [UInt8(bits & 255), UInt8(bits >> 8)]
        for input in 0..<16 {
          let (low, high) = (codes[input] + 8, codes[input + 16] + 8)
          block.append(UInt8(low | high << 4))
        }
        #expect(Array(blocks[(18 * half)..<(18 * half + 18)]) == block)
      }
    }
  }

  @Test func blocksOfGGUFComeThroughAPackBitForBit() throws {
    let base = try Checkpoint.open(ExportTests.fixture("tiny/llava"))
    let model = try SourceModel.read(base).model.folded().model
    let directory = try TemporaryDirectory()
    let first = directory.path("first.gguf")
    _ = try GGUFExport(model.description, parameters: PlainParameters(model.parameters))
      .write(to: first, type: .q4, name: "tiny")
    let again = try SourceModel.read(base, languageSource: Checkpoint.open(first)).model.folded()
      .model
    let pack = try ExportTests.pack(again, .int4, in: directory)
    let second = directory.path("second.gguf")
    _ = try GGUFExport(
      pack.description, parameters: PackParameters(pack, pool: ThreadPool(threads: 1))
    ).write(to: second, type: .q4, name: "tiny")
    let (a, b) = (try Checkpoint.open(first), try Checkpoint.open(second))
    let names = a.names.filter { name in
      a[name]?.storedType == "Q4_0" && name.hasPrefix("blk.") && !name.contains("ffn_down")
    }
    #expect(names.count == 12)
    for name in names { #expect(try a.floats(name) == b.floats(name), "\(name)") }
  }
}
