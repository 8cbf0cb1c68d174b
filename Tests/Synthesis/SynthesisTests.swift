import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletSynthesis
import MartletTestSupport
import Testing

/// What is written, and that it reads back as a FastVLM.
@Suite struct SyntheticCheckpointTests {
  private static let layouts = SynthesisLayout.allCases

  @Test(arguments: layouts)
  func everyTensorOfATinyCheckpointIsRead(_ layout: SynthesisLayout) throws {
    let place = try TemporaryDirectory()
    let path = place.path("tiny")
    try SyntheticCheckpoint(size: .tiny, layout: layout, seed: 3).write(to: path)
    let checkpoint = try Checkpoint.open(path)
    // Throws where a tensor is missing, misshapen or unknown, and where the tokenizer cannot work.
    let (model, report) = try SourceModel.read(checkpoint)
    #expect(report.layout == .fastVLM(layout == .native ? .native : .llava))
    #expect((report.forms.trainTime > 0) == (layout == .llavaTrain))
    #expect((report.forms.fused > 0) == (layout != .llavaTrain))
    #expect(
      report.head == (layout == .native ? .absent : .tiedByConfiguration(copyDiffers: false)))
    #expect(report.defaults.map(\.setting) == Self.unstated(layout))
    #expect(model.description.tokenizer?.size == (layout == .native ? 504 : 503))
    #expect(model.description.image.resolution == 256)
    #expect(try place.names() == ["tiny"])
  }

  /// What the real repositories do not state either.
  private static func unstated(_ layout: SynthesisLayout) -> [String] {
    layout == .native
      ? ["image_aspect_ratio", "tokenizer_model_max_length"] : ["image_mean and image_std"]
  }

  struct Published: Sendable {
    let size: ModelSize
    let layout: SynthesisLayout
    let tensors: Int
    var elements: Int? = nil
  }

  /// Counts of reference section 7.1; 1.5B and 7B have four layers more.
  static let published: [Published] = [
    Published(size: .half, layout: .llava, tensors: 924, elements: 758_833_804),
    Published(size: .half, layout: .llavaTrain, tensors: 1825),
    Published(size: .half, layout: .native, tensors: 922),
    Published(size: .oneAndHalf, layout: .llava, tensors: 972),
    Published(size: .seven, layout: .llava, tensors: 972),
  ]

  @Test(arguments: published)
  func publishedSizesHaveThePublishedTensors(_ published: Published) throws {
    let checkpoint = SyntheticCheckpoint(
      size: published.size, layout: published.layout, seed: 0)
    #expect(checkpoint.tensorCount == published.tensors)
    if let elements = published.elements { #expect(checkpoint.elementCount == elements) }
  }

  /// Parameters of reference section 1: the encoder without its CLIP head, the projector, the language model.
  struct Parameters: Sendable {
    let size: ModelSize
    let projector: Int
    let language: Int
    let embedding: Int
    let tokens: Int
  }

  static let parameters: [Parameters] = [
    Parameters(
      size: .half, projector: 3_557_120, language: 357_898_112, embedding: 136_134_656,
      tokens: 151646),
    Parameters(
      size: .oneAndHalf, projector: 7_080_960, language: 1_310_340_608, embedding: 233_373_696,
      tokens: 151646),
    Parameters(
      size: .seven, projector: 23_862_272, language: 6_525_621_760, embedding: 544_997_376,
      tokens: 151665),
  ]

  @Test(arguments: parameters)
  func publishedSizesReadWithoutWeightsOnDisk(_ expected: Parameters) throws {
    let place = try TemporaryDirectory()
    let size = expected.size
    let checkpoint = try SyntheticCheckpoint(
      size: size, layout: .llava, seed: 0, copyingHead: false
    ).opened(beside: place.path)
    let (model, report) = try SourceModel.read(checkpoint)
    func count(_ role: NetworkRole) -> Int {
      model.description.network(role)?.parameters.reduce(0) { $0 + $1.count } ?? 0
    }
    // 122,714,208, and running statistics of 44 batch norms over 16,704 channels in all.
    let channels = 2 * 96 + 12 * 192 + 24 * 384 + 4 * 768 + 2 * 1536
    #expect(count(.vision) == 122_714_208 + 2 * channels)
    #expect(count(.projector) == expected.projector)
    let matrices = size == .seven ? 2 : 1
    #expect(count(.language) == expected.language + matrices * expected.embedding)
    #expect(report.head == (size == .seven ? .own : .absent))
    #expect(model.description.tokenizer?.size == expected.tokens)
    #expect(model.description.prompt?.stopIDs == [151645, 151643])
    let weights = try place.names().filter { $0.hasSuffix(".safetensors") }
    #expect(weights.isEmpty)
  }

  @Test func sameSeedGivesTheSameBytes() throws {
    let place = try TemporaryDirectory()
    for name in ["a", "b"] {
      try SyntheticCheckpoint(size: .tiny, layout: .llava, seed: 8).write(to: place.path(name))
    }
    let names = try Directory.names(in: place.path("a"))
    #expect(names == (try Directory.names(in: place.path("b"))))
    for name in names {
      let first = try SmallFile.bytes(of: Directory.path(place.path("a"), name))
      #expect(first == (try SmallFile.bytes(of: Directory.path(place.path("b"), name))))
    }
  }

  @Test func anotherSeedGivesOtherNumbersInEveryTensor() throws {
    let (first, second) = (try TemporaryDirectory(), try TemporaryDirectory())
    let a = try made(.llava, seed: 0, first)
    let b = try made(.llava, seed: 1, second)
    #expect(a.names == b.names)
    for name in a.names {
      #expect(try a.floats(name) != b.floats(name), "\(name)")
    }
  }

  @Test func anyPartOfATensorIsThatPartOfTheWhole() throws {
    let place = try TemporaryDirectory()
    let checkpoint = try made(.llava, seed: 5, place)
    for name in checkpoint.names {
      let tensor = try checkpoint.tensor(name)
      let rows = tensor.shape[0]
      let part = (rows / 3)..<max(rows / 3 + 1, rows - 2)
      let width = tensor.count / rows
      let whole = try checkpoint.floats(name)
      #expect(
        try checkpoint.floats(name, rows: part)
          == Array(whole[(part.lowerBound * width)..<(part.upperBound * width)]), "\(name)")
    }
  }

  @Test func tensorsMadeWhileReadEqualThoseWritten() throws {
    let place = try TemporaryDirectory()
    try SyntheticCheckpoint(size: .tiny, layout: .llava, seed: 5).write(to: place.path("disk"))
    let written = try Checkpoint.open(place.path("disk"))
    let made = try made(.llava, seed: 5, place)
    for name in made.names {
      #expect(try made.floats(name) == written.floats(name))
      let same = try made.withBytes(name) { (bytes: RawSpan) throws(CheckpointError) in
        try written.withBytes(name) { (other: RawSpan) throws(CheckpointError) in
          XXH64.checksum(bytes) == XXH64.checksum(other)
        }
      }
      #expect(same)
    }
  }

  @Test func normsStatisticsAreWhatBatchNormsCanHave() throws {
    let place = try TemporaryDirectory()
    try SyntheticCheckpoint(size: .tiny, layout: .llavaTrain, seed: 2).write(to: place.path("t"))
    let checkpoint = try Checkpoint.open(place.path("t"))
    let variances = checkpoint.names.filter { $0.hasSuffix(".running_var") }
    #expect(variances.count == 50)
    for name in variances {
      let values = try checkpoint.floats(name)
      #expect(values.allSatisfy { $0 > 1e-3 && $0 < 100 }, "\(name)")
      let counter = name.dropLast("running_var".count) + "num_batches_tracked"
      #expect(try checkpoint.integers(String(counter)) == [250_000])
      #expect(try checkpoint.tensor(String(counter)).shape == [])
    }
  }

  // MARK: Whole or not at all

  @Test func nothingIsWrittenOver() throws {
    let place = try TemporaryDirectory()
    try place.write("mine", to: "taken/file")
    let path = place.path("taken")
    #expect(throws: SynthesisError.occupied(path: path)) {
      try SyntheticCheckpoint(size: .tiny, layout: .llava, seed: 0).write(to: path)
    }
    let file = place.path("taken/file")
    #expect(throws: SynthesisError.occupied(path: file)) {
      try SyntheticCheckpoint(size: .tiny, layout: .llava, seed: 0).write(to: file)
    }
    #expect(try place.names() == ["taken"])
    #expect(try Directory.names(in: path) == ["file"])
  }

  @Test func anEmptyDirectoryIsFilledAndLeftoversGo() throws {
    let place = try TemporaryDirectory()
    try Directory.make(place.path("out"))
    // What a killed run leaves.
    try place.write("half", to: ".out.partial/model.safetensors")
    try place.write("half", to: ".out.partial/other")
    try SyntheticCheckpoint(size: .tiny, layout: .native, seed: 0).write(to: place.path("out/"))
    #expect(try place.names() == ["out"])
    #expect(!(try Directory.names(in: place.path("out")).contains("other")))
  }

  @Test func shardsHaveAnIndex() throws {
    let place = try TemporaryDirectory()
    try SyntheticCheckpoint(size: .tiny, layout: .llava, seed: 0).write(
      to: place.path("out"), shardBytes: 700_000)
    let checkpoint = try Checkpoint.open(place.path("out"))
    #expect(checkpoint.files.count == 4)
    #expect(checkpoint.unusedFiles.isEmpty)
    _ = try SourceModel.read(checkpoint)
  }

  private func made(
    _ layout: SynthesisLayout, seed: UInt64, _ place: TemporaryDirectory
  ) throws -> Checkpoint {
    try SyntheticCheckpoint(size: .tiny, layout: layout, seed: seed).opened(
      beside: place.path("made").made())
  }
}

extension String {
  /// The directory of this path, made.
  fileprivate func made() throws -> String {
    try Directory.make(self)
    return self
  }
}
