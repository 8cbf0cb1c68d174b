import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

@Suite struct RoundTripTests {
  private let bench: Workbench

  init() throws { bench = try Workbench() }

  @Test(arguments: [WeightStorage.compressed, .mapped])
  func writtenModelComesBack(storage: WeightStorage) throws {
    let model = try EveryOpModel.quantized()
    let (pack, weights) = try bench.load(bench.packed(model, storage: storage))
    #expect(pack.description == model.description)
    #expect(pack.plan == model.plan)
    let written = Workbench.provenance.entries
    #expect(Array(pack.provenance.entries.prefix(written.count)) == written)
    for (name, expected) in try components(of: model) {
      let parameter = try weights.parameter(name)
      #expect(parameter.encoding == model.plan.weights[name])
      let kinds = parameter.encoding.components(shape: parameter.shape)?.map { $0.component } ?? []
      #expect(kinds.map { parameter.copy($0) } == expected, "\(name)")
    }
  }

  @Test func everyOpAndEncodingOccursInTheTestModel() throws {
    let model = try EveryOpModel.quantized()
    let ops = Set(model.description.networks.flatMap { $0.layers.map { $0.op.name } })
    #expect(ops.count == 14)
    #expect(Set(model.plan.weights.values).count == 6)
  }

  @Test func modelWithoutTokenizerAndLanguageComesBack() throws {
    let full = try EveryOpModel.description()
    let description = ModelDescription(
      architecture: "", networks: [full.networks[0]], image: full.image, tokenizer: nil,
      prompt: nil)
    let names = Set(full.networks[0].parameters.map { $0.name })
    let layers = Set(full.networks[0].layers.map { $0.name })
    var plan = EveryOpModel.plan(for: full)
    plan.weights = plan.weights.filter { names.contains($0.key) }
    plan.activations = plan.activations.filter { layers.contains($0.key) }
    let model = try QuantizedModel(
      description: description, plan: plan,
      parameters: PatternParameters(description: description, plan: plan))
    let (pack, weights) = try bench.load(bench.packed(model))
    #expect(pack.description == description)
    #expect(pack.plan == plan)
    #expect(weights["language.embed.weight"] == nil)
  }

  @Test func mappedWeightsAreAlignedAndNotCopied() throws {
    let (pack, weights) = try bench.load(bench.packed(storage: .mapped))
    #expect(weights.arenaBytes == 0)
    #expect(weights.mappedBytes == Int(pack.tensors.reduce(0) { $0 + $1.byteCount }))
    for tensor in pack.tensors {
      for component in tensor.components {
        #expect(component.storage == .raw)
        #expect(component.offset % 64 == 0)
      }
    }
  }

  @Test func everyLoadedComponentIsAligned() throws {
    let (pack, weights) = try bench.load(bench.packed())
    #expect(weights.arenaBytes > 0)
    for tensor in pack.tensors {
      let parameter = try weights.parameter(tensor.name)
      for component in tensor.components {
        let bytes = unsafe parameter.bytes(component.component)
        #expect(UInt(bitPattern: bytes.baseAddress) % 64 == 0)
        #expect(bytes.count == Int(component.byteCount))
      }
    }
  }

  @Test func componentsThatGainLittleAreStoredRaw() throws {
    let pack = try bench.open(bench.packed())
    var storages: Set<UInt8> = []
    for component in pack.tensors.flatMap({ $0.components }) {
      storages.insert(component.storage.rawValue)
      if component.storage != .raw {
        #expect(component.storedBytes * 100 <= component.byteCount * 97)
      }
    }
    #expect(storages == [0, 1, 2, 4])
  }

  @Test func largeComponentsAreCutIntoFrames() throws {
    let pack = try bench.open(bench.packed())
    let counts = pack.tensors.flatMap { $0.components.map { $0.frameCount } }
    #expect(counts.contains { $0 > 2 })
  }

  @Test func oneNetworkIsLoadedAlone() throws {
    let pack = try bench.open(bench.packed())
    let weights = try LoadedWeights(pack, roles: [.projector, .vision], pool: bench.pool)
    #expect(weights["projector.up.weight"] != nil)
    #expect(weights["vision.stem.weight"] != nil)
    #expect(weights["language.embed.weight"] == nil)
    #expect(throws: PackError.noTensor(name: "language.embed.weight")) {
      try weights.parameter("language.embed.weight")
    }
    let model = try EveryOpModel.quantized()
    let expected = try model.parameters.encoded("projector.down.weight")
    #expect(
      try weights.parameter("projector.down.weight").copy(.codes) == expected.components[0].bytes)
  }

  @Test(arguments: [1, 3, 4])
  func bytesDoNotDependOnThreadsOrRepetition(threads: Int) throws {
    let other = try Workbench(threads: threads)
    let expected = try bench.packed()
    #expect(try bench.packed() == expected)
    #expect(try other.packed() == expected)
    let (pack, weights) = try other.load(expected)
    for (name, bytes) in try components(of: EveryOpModel.quantized()) {
      #expect(try weights.parameter(name).copy(.codes) == bytes[0])
    }
    try pack.verifyTensors(pool: other.pool)
  }

  @Test func progressEndsWithEverythingDone() throws {
    var seen: [PackProgress] = []
    try PackWriter().write(
      EveryOpModel.quantized(), provenance: Provenance(), to: bench.path("p.martlet"),
      pool: bench.pool
    ) { seen.append($0) }
    let last = try #require(seen.last)
    #expect(seen.count == last.tensorTotal)
    #expect(last.tensorCount == last.tensorTotal)
    #expect(last.unpackedBytes == last.unpackedTotal)
  }

  @Test func provenanceRecordsTheCompressor() throws {
    let pack = try bench.open(bench.packed())
    guard case .text(let version) = pack.provenance[Provenance.Key.compressor] else {
      Issue.record("no version of zstd")
      return
    }
    #expect(version.split(separator: ".").count == 3)
    #expect(
      pack.provenance["source/model.safetensors"]
        == .digest([0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]))
  }

  @Test func identityFollowsTheContent() throws {
    let first = try bench.open(bench.packed()).identity
    #expect(try bench.open(bench.packed()).identity == first)
    #expect(try bench.open(bench.packed(storage: .mapped)).identity != first)
  }
}
