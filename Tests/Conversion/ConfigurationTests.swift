import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletTestSupport
import Testing

/// What configuration files say and leave out, on the tiny model.
@Suite struct ConfigurationTests {
  private func read(
    _ fixture: TinyFixture = .llava, _ edit: (inout EditedCheckpoint) -> Void
  ) throws -> (model: SourceModel, report: SourceReport) {
    var checkpoint = try EditedCheckpoint(fixture)
    edit(&checkpoint)
    let directory = try TemporaryDirectory()
    return try SourceModel.read(checkpoint.open(in: directory))
  }

  @Test(arguments: [("pad", ImageSpecification.Fit.pad), ("square", .crop), ("crop", .crop)])
  func aspectRatioBecomesAFit(_ ratio: String, _ fit: ImageSpecification.Fit) throws {
    let model = try read { $0.set("image_aspect_ratio", to: JSONValue(ratio)) }.model
    #expect(model.description.image.fit == fit)
  }

  @Test func everyDefaultIsReported() throws {
    let report = try read {
      for key in [
        "image_aspect_ratio", "mm_vision_tower", "rms_norm_eps", "tokenizer_model_max_length",
      ] { $0.set(key, to: nil) }
    }.report
    #expect(
      report.defaults == [
        .init(setting: "rms_norm_eps", value: "1e-06"),
        .init(setting: "resolution", value: "1024"),
        .init(setting: "image_aspect_ratio", value: "pad"),
        .init(setting: "image_mean and image_std", value: "0 and 1"),
        .init(setting: "tokenizer_model_max_length", value: "8192"),
      ])
  }

  @Test func thetaIsReadFromBothPlaces() throws {
    for isNested in [false, true] {
      let model = try read {
        $0.set("rope_theta", to: isNested ? nil : JSONValue(12345.0))
        if isNested { $0.set("rope_parameters", "rope_theta", to: JSONValue(12345.0)) }
      }.model
      let layers = try #require(model.description.network(.language)).layers
      let thetas = layers.compactMap { layer -> Float? in
        if case .rotate(let op) = layer.op { return op.theta }
        return nil
      }
      #expect(thetas == [12345, 12345])
    }
  }

  @Test func processorWithMeansKeepsThemInFrontOfTheStem() throws {
    let (model, _) = try read {
      $0.files["preprocessor_config.json"] = Array(
        """
        {"crop_size": {"height": 128, "width": 128}, "image_mean": [0.5, 0.25, 0],
         "image_std": [0.5, 0.25, 1], "rescale_factor": 0.00392156862745098, "resample": 3}
        """.utf8)
    }
    let image = model.description.image
    #expect(image.resolution == 128 && image.fill == [127, 63, 0])
    guard case .normalize(let affine) = model.description.networks[0].layers[0].op else {
      Issue.record("pixels enter through normalize")
      return
    }
    #expect(affine.scale == [Float(2.0 / 255), Float(4.0 / 255), Float(1.0 / 255)])
    #expect(affine.offset == [-1, -1, 0])
    let (folded, report) = try model.folded()
    #expect(folded.description.networks[0].layers[0].name == "vision.normalize")
    #expect(
      report.leftovers.first?.obstacle == .offsetBeforeZeroPadding(channel: 0, offset: -1))
  }

  @Test(arguments: ["128", #"{"height": 128, "width": 128}"#, #"{"shortest_edge": 128}"#])
  func resolutionIsReadInEverySpelling(_ side: String) throws {
    let model = try read {
      $0.files["preprocessor_config.json"] = Array(
        #"{"crop_size": \#(side), "size": \#(side)}"#.utf8)
    }.model
    #expect(model.description.image.resolution == 128)
  }

  @Test(arguments: [
    (#"{"crop_size": 128, "size": 192}"#, "size", "the crop's 128", "192"),
    (#"{"crop_size": {"height": 128, "width": 64}}"#, "crop_size.width", "the height, 128", "64"),
    (#"{"resample": 2}"#, "resample", "3 (bicubic)", "2"),
    (#"{"do_rescale": false}"#, "do_rescale", "true", "false"),
    (#"{"image_std": [1, 0, 1]}"#, "image_std", "three positive numbers", "[1.0, 0.0, 1.0]"),
    (#"{"image_mean": [1, 0]}"#, "image_mean", "three numbers", "array"),
  ])
  func processorThatGivesOtherPixelsIsRefused(
    _ file: String, _ key: String, _ expected: String, _ found: String
  ) throws {
    #expect(
      throws: ConversionError.configurationValue(
        file: "preprocessor_config.json", key: key, expected: expected, found: found)
    ) {
      _ = try read { $0.files["preprocessor_config.json"] = Array(file.utf8) }
    }
  }

  @Test func endsOfSequenceComeFromTokenizerAndEveryConfiguration() throws {
    let model = try read {
      $0.set("eos_token_id", to: [7, 502])
      $0.files["generation_config.json"] = Array(#"{"eos_token_id": 9}"#.utf8)
    }.model
    #expect(model.description.prompt?.stopIDs == [502, 500, 7, 9])
  }

  @Test func promptIsLimitedByTheModelsPositions() throws {
    let model = try read { $0.set("max_position_embeddings", to: 512) }.model
    #expect(model.description.prompt?.maximumTokens == 512)
  }

  @Test func leftoversOfTrainingAreIgnoredByName() throws {
    let report = try read {
      $0.add("model.image_newline", [64])
      $0.add("model.layers.0.self_attn.rotary_emb.inv_freq", [8])
    }.report
    #expect(report.ignored.contains { $0.reason == .imageNewline && $0.names.count == 1 })
    #expect(report.ignored.contains { $0.reason == .rotaryFrequencies && $0.names.count == 1 })
  }

  @Test func tokenizerLargerThanTheEmbeddingIsRefused() throws {
    #expect(throws: ConversionError.tokenizerSize(size: 503, rows: 500)) {
      try read {
        $0.add("model.embed_tokens.weight", [500, 64])
        $0.tensors["lm_head.weight"] = nil
        $0.set("vocab_size", to: 500)
      }
    }
  }

  /// A file cut short at a tensor boundary: whichever tensor is lost, it is noticed.
  @Test(arguments: [TinyFixture.llavaMixed, .native]) func noTensorIsLostSilently(
    _ fixture: TinyFixture
  ) throws {
    let whole = try EditedCheckpoint(fixture)
    let optional = ["num_batches_tracked", "head.proj", "lm_head.weight"]
    let needed = whole.tensors.keys.sorted().filter { name in
      !optional.contains { name.hasSuffix($0) }
    }
    // Every fifth: they are hundreds, and each writes a file.
    for name in stride(from: 0, to: needed.count, by: 5).map({ needed[$0] }) {
      #expect(throws: ConversionError.self, "\(name)") {
        _ = try read(fixture) { $0.tensors[name] = nil }
      }
    }
  }
}
