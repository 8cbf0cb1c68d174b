import MartletCalibration
import MartletModel
import MartletReference
import MartletTestSupport
import MartletText
import Testing

@Suite struct CalibratorTests {
  private func request(_ value: String) -> StatisticRequest {
    StatisticRequest(value: value, statistic: .channelMeans)
  }

  @Test func unreadablePicturesAreAllNamedAndTheRunFails() throws {
    let pictures = [
      SmallModel.picture(1), SmallModel.broken("b"), SmallModel.picture(2), SmallModel.broken("d"),
    ]
    let calibrator = try Calibrator(
      model: SmallModel.model(), requests: [request("vision.stem")])
    var progress: [Int] = []
    let expected = ["b", "d"].map {
      UnreadableImage(
        name: $0, reason: .image(.unknownFormat(name: $0, firstBytes: [1, 2])))
    }
    #expect(throws: CalibrationError.unreadableImages(expected, of: 4)) {
      try calibrator.outcome(pictures: pictures) { progress.append($0.done) }
    }
    #expect(progress == [0, 1, 2, 3, 4])
  }

  @Test func unreadablePicturesAreSkippedOnDemandAndRecorded() throws {
    var options = CalibrationOptions()
    options.unreadable = .skipped
    let calibrator = try Calibrator(
      model: SmallModel.model(), requests: SmallModel.requests("vision.stem"), options: options)
    let outcome = try calibrator.outcome(
      pictures: [SmallModel.broken("a"), SmallModel.picture(1), SmallModel.picture(2)])
    let clean = try calibrator.outcome(pictures: [SmallModel.picture(1), SmallModel.picture(2)])
    #expect(outcome.table.entries == clean.table.entries)
    #expect(outcome.table.provenance.skipped == ["a"])
    #expect(outcome.table.provenance.images.map(\.name) == ["picture 1", "picture 2"])
    #expect(outcome.skipped.map(\.name) == ["a"])
  }

  @Test func aRunWithoutOneReadablePictureFailsAlsoWhenSkipping() throws {
    var options = CalibrationOptions()
    options.unreadable = .skipped
    let calibrator = try Calibrator(
      model: SmallModel.model(), requests: [request("vision.stem")], options: options)
    #expect(throws: CalibrationError.self) {
      try calibrator.outcome(pictures: [SmallModel.broken("a")])
    }
    #expect(throws: CalibrationError.noImages(path: "", ignored: [])) {
      try calibrator.outcome(pictures: [])
    }
  }

  @Test func requestsForUnknownValuesAreRefused() throws {
    for name in ["vision.nothing", "language.ids"] {
      #expect(throws: CalibrationError.unknownValue(request(name))) {
        try Calibrator(model: SmallModel.model(), requests: [request(name)])
          .outcome(pictures: [SmallModel.picture(1)])
      }
    }
  }

  @Test func partsNobodyAsksForNeedNoTokenizer() throws {
    let model = try SmallModel.model(tokenizer: false)
    let outcome = try Calibrator(model: model, requests: [request("projector.linear")])
      .outcome(pictures: [SmallModel.picture(1)])
    #expect(outcome.table.provenance.questionCount == 0)
    #expect(throws: CalibrationError.noTokenizer) {
      try Calibrator(model: model, requests: [request("language.embed")])
        .outcome(pictures: [SmallModel.picture(1)])
    }
  }

  @Test func withoutRequestsThePicturesAreStillRecorded() throws {
    let outcome = try Calibrator(model: SmallModel.model(), requests: [])
      .outcome(pictures: [SmallModel.picture(1)])
    #expect(outcome.table.entries.isEmpty)
    #expect(outcome.table.provenance.images.count == 1)
    #expect(outcome.table.provenance.resolution == SmallModel.resolution)
  }

  /// Rows the embedding saw, from the mean of a value and its sum.
  @Test func theDefaultQuestionIsAskedWhereThereIsNone() throws {
    let histogram = StatisticRequest(value: "language.embed", statistic: .histogram)
    let outcome = try Calibrator(
      model: SmallModel.model(), requests: [histogram], options: withoutAnswers
    ).outcome(pictures: [SmallModel.picture(1), SmallModel.picture(2)])
    #expect(outcome.table.provenance.questionCount == 2)
    // "Q:" + 16 image rows + "\n" + question + "\nA:", one token a byte, 6 channels.
    let tokens = 2 + 16 + 1 + CalibrationOptions.defaultQuestion.utf8.count + 3
    #expect(try outcome.table.histogram(of: "language.embed").total == UInt64(2 * tokens * 6))
  }

  private var withoutAnswers: CalibrationOptions {
    var options = CalibrationOptions()
    options.answerTokens = 0
    return options
  }

  /// Tokens of the model's own answer are rows like those of the prompt, and those that it would say.
  @Test func theModelsOwnAnswerIsRun() throws {
    let model = try SmallModel.model()
    let reference = try ReferenceModel(
      description: model.description, parameters: model.parameters)
    let picture = SmallModel.picture(1)
    let image = try reference.projected(reference.encoded(picture.content().pixels))
    let tokenizer = try Tokenizer(try #require(model.description.tokenizer))
    let prompt = try Prompt(
      question: CalibrationOptions.defaultQuestion, imageCount: 1,
      template: try #require(model.description.prompt), tokenizer: tokenizer)
    let cache = KeyValueCache()
    var sums: [Double] = [0, 0, 0, 0, 0, 0]
    var rows = 0.0
    let tap = ReferenceTap(
      wants: { $0 == "language.embed" },
      receive: { _, tensor in
        for row in 0..<tensor.rows {
          for (channel, number) in tensor.row(row).enumerated() { sums[channel] += Double(number) }
          rows += 1
        }
      })
    var logits = try reference.prefilled(ids: prompt.ids, images: [image], cache: cache, tap: tap)
    for _ in 0..<5 {
      logits = try reference.advanced(
        id: reference.greedyChoice(logits), cache: cache, tap: tap)
    }
    var options = CalibrationOptions()
    options.answerTokens = 5
    let outcome = try Calibrator(
      model: model, requests: [request("language.embed")], options: options
    ).outcome(pictures: [picture])
    #expect(outcome.table.provenance.answerTokenCount == 5)
    #expect(
      try outcome.table.channelMeans(of: "language.embed") == sums.map { Float($0 / rows) })
  }

  /// An answer ends where the model ends it, and where positions do.
  @Test func anAnswerEndsByItself() throws {
    let model = try SmallModel.model()
    func count(_ change: (inout ModelDescription) -> Void) throws -> Int {
      var description = model.description
      change(&description)
      return try Calibrator(
        model: FoldedModel(description: description, parameters: model.parameters),
        requests: [request("language.embed")]
      ).outcome(pictures: [SmallModel.picture(1)]).table.provenance.answerTokenCount
    }
    #expect(try count { _ in } == CalibrationOptions.defaultAnswerTokens)
    #expect(try count { $0.prompt?.stopIDs = Array(0..<256) } == 0)
    let length = 2 + 16 + 1 + CalibrationOptions.defaultQuestion.utf8.count + 3
    #expect(try count { $0.prompt?.maximumTokens = length + 4 } == 4)
  }

  @Test func questionsAreAskedAboutTheirPicture() throws {
    let folder = try TemporaryDirectory()
    let png = try Fixture.picture("wide.png")
    try folder.write(png, to: "images/a.png")
    try folder.write(png, to: "images/b.png")
    let questions = try folder.write(
      """
      {"image": "images/b.png", "question": "12345"}
      {"image": "images/../images/b.png", "question": "1", "answer": "x"}
      """, to: "questions.jsonl")
    let pictures = try CalibrationFolder(path: folder.path("images")).pictures
    let histogram = StatisticRequest(value: "language.embed", statistic: .histogram)
    let outcome = try Calibrator(
      model: SmallModel.model(), requests: [histogram], options: withoutAnswers
    ).outcome(pictures: pictures, questions: QuestionFile(path: questions))
    #expect(outcome.table.provenance.questionCount == 3)
    let around = 2 + 16 + 1 + 3
    let tokens = 3 * around + CalibrationOptions.defaultQuestion.utf8.count + 5 + 1
    #expect(try outcome.table.histogram(of: "language.embed").total == UInt64(tokens * 6))
  }

  @Test func aPromptBeyondTheLimitIsRefused() throws {
    let folder = try TemporaryDirectory()
    try folder.write(Fixture.picture("wide.png"), to: "a.png")
    let question = String(repeating: "x", count: 100)
    let questions = try folder.write(
      "{\"image\": \"a.png\", \"question\": \"\(question)\"}", to: "questions.jsonl")
    let calibrator = try Calibrator(
      model: SmallModel.model(), requests: [request("language.embed")])
    #expect(throws: CalibrationError.text(.promptTooLong(tokens: 122, maximum: 100))) {
      try calibrator.outcome(
        pictures: [CalibrationPicture(file: folder.path("a.png"))],
        questions: QuestionFile(path: questions))
    }
  }

  @Test func numbersThatAreNotFiniteEndTheRun() throws {
    let model = try SmallModel.model()
    var table: [String: [Float]] = [:]
    for parameter in model.description.networks.flatMap(\.parameters) {
      table[parameter.name] = try model.parameters.values(of: parameter.name)
    }
    table["vision.stem.bias"] = [0, .infinity, 0, 0]
    let broken = try FoldedModel(
      description: model.description, parameters: ParameterTable(table))
    #expect(throws: CalibrationError.reference(.notFinite(layer: "vision.stem", index: 1))) {
      try Calibrator(model: broken, requests: [request("vision.stem")])
        .outcome(pictures: [SmallModel.picture(1)])
    }
  }

  @Test func momentsBeyondSinglePrecisionAreRefused() throws {
    let model = try SmallModel.model()
    var table: [String: [Float]] = [:]
    for parameter in model.description.networks.flatMap(\.parameters) {
      table[parameter.name] = try model.parameters.values(of: parameter.name)
    }
    table["vision.stem.bias"] = [0, 1e30, 0, 0]
    let huge = try FoldedModel(description: model.description, parameters: ParameterTable(table))
    let wanted = StatisticRequest(value: "vision.stem", statistic: .secondMoments)
    #expect(throws: CalibrationError.notFinite(wanted)) {
      try Calibrator(model: huge, requests: [wanted]).outcome(pictures: [SmallModel.picture(1)])
    }
  }
}
