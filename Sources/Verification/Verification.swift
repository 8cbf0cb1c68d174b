/// What was found when a pack was held against its reference.
package struct Verification: Sendable {
  package struct Inputs: Equatable, Sendable {
    /// Largest difference of any byte of any prepared picture.
    package var pixelsMaximumDifference = 0
    package var tokenIDsEqual = true
  }

  package struct Text: Equatable, Sendable {
    /// Share of greedy continuations that are equal id by id; they end with the answer, or where as much as is compared is reached.
    package var exactMatch = 0.0
    /// Mean number of ids before the first that differs; the whole length where none does.
    package var firstDivergenceMean = 0.0
    /// Continuations that differ, and the mean number of ids before they do.
    package var diverged = 0
    package var divergedAfterMean = 0.0
  }

  package struct LayerError: Equatable, Sendable {
    package var name: String
    /// Error of the layer's output, all that was inherited included.
    package var signalToNoise: Double
    /// Error the layer adds by itself: its packed form run on the reference's own inputs.
    package var introduced: Double
    /// Error its inputs bring: the packed layer on the pack's inputs beside the packed layer on the reference's.
    package var inherited: Double
    package var cosine: Double

    package init(
      name: String, signalToNoise: Double, introduced: Double, inherited: Double, cosine: Double
    ) {
      self.name = name
      self.signalToNoise = signalToNoise
      self.introduced = introduced
      self.inherited = inherited
      self.cosine = cosine
    }
  }

  /// Mean milliseconds.
  package struct Times: Equatable, Sendable {
    /// A picture.
    package var encode = 0.0
    package var project = 0.0
    /// A question.
    package var prefill = 0.0
    /// A token after the prompt.
    package var decode = 0.0
  }

  /// A picture whose features suffered.
  package struct WorstPicture: Equatable, Sendable {
    package var name: String
    package var pixels: UInt64
    package var cosine: Double
    package var signalToNoise: Double
    /// Error of each row of features: see `PictureRecord.featureErrors`.
    package var featureErrors: [Double]
  }

  /// Pictures compared; several questions may have been asked about each.
  package private(set) var images = 0
  /// Prompts continued by both, whether or not their answer was known.
  package private(set) var questions = 0
  package private(set) var inputs = Inputs()
  package private(set) var encoder = SimilaritySummary()
  package private(set) var imageTokens = SimilaritySummary()
  package private(set) var logits: LogitSummary
  package private(set) var text = Text()
  /// `nil` without answers to compare with.
  package private(set) var task: MeasuredScore?
  /// The score of each group of questions, by name, in the order they come up; empty without groups.
  package private(set) var groups: [(name: String, score: MeasuredScore)] = []
  package let bootstrap: Bootstrap
  /// Every question with both answers, in the order of their file.
  package private(set) var answers: [(picture: String, question: QuestionRecord)] = []
  /// Over the pictures whose layers were compared.
  package private(set) var layers: [LayerError] = []
  package private(set) var layerPictures = 0
  /// By signal to noise of the image tokens, worst first.
  package private(set) var worstPictures: [WorstPicture] = []
  package private(set) var referenceTimes = Times()
  package private(set) var packedTimes = Times()
  /// Most memory of any process that took part.
  package private(set) var peakBytes = 0

  /// How many of the worst pictures are told.
  package static let worstCount = 6

  /// - Parameter records: of every picture once, in any order.
  package init(_ records: [PictureRecord], bootstrap: Bootstrap = Bootstrap()) {
    let records = records.sorted { $0.picture < $1.picture }
    self.bootstrap = bootstrap
    logits = LogitSummary(records.flatMap { $0.questions.flatMap(\.positions) })
    images = records.count
    for record in records {
      questions += record.questions.count
      inputs.pixelsMaximumDifference = max(
        inputs.pixelsMaximumDifference, record.pixelsDifference)
      if !record.questions.allSatisfy(\.tokenIDsEqual) { inputs.tokenIDsEqual = false }
      encoder.add(record.encoder)
      imageTokens.add(record.imageTokens)
      peakBytes = max(peakBytes, record.peakBytes)
    }
    answers = records.flatMap { record in record.questions.map { (record.name, $0) } }
      .sorted { $0.1.question < $1.1.question }
    text = Self.text(answers.map(\.question))
    score(records)
    referenceTimes = Self.times(records, \.reference, \.referenceTimes)
    packedTimes = Self.times(records, \.packed, \.packedTimes)
    sumLayers(records)
    findWorst(records)
  }

  private static func text(_ questions: [QuestionRecord]) -> Text {
    var text = Text()
    let all = Double(max(1, questions.count))
    let diverged = questions.filter { !$0.isExact }
    text.diverged = diverged.count
    text.exactMatch = Double(questions.count - diverged.count) / all
    text.firstDivergenceMean = Double(questions.reduce(0) { $0 + $1.sameTokens }) / all
    text.divergedAfterMean =
      Double(diverged.reduce(0) { $0 + $1.sameTokens }) / Double(max(1, diverged.count))
    return text
  }

  private mutating func score(_ records: [PictureRecord]) {
    var all: [TaskScore] = []
    var names: [String] = []
    var groups: [String: [TaskScore]] = [:]
    for record in records {
      var whole = TaskScore()
      var parts: [(name: String, score: TaskScore)] = []
      for question in record.questions {
        guard let verdict = question.verdict else { continue }
        whole.add(referenceIsRight: verdict.reference, packIsRight: verdict.packed)
        guard let group = question.group else { continue }
        let place = parts.firstIndex { $0.name == group } ?? parts.count
        if place == parts.count { parts.append((group, TaskScore())) }
        parts[place].score.add(
          referenceIsRight: verdict.reference, packIsRight: verdict.packed)
      }
      if whole.count > 0 { all.append(whole) }
      for part in parts {
        if groups[part.name] == nil { names.append(part.name) }
        groups[part.name, default: []].append(part.score)
      }
    }
    if !all.isEmpty { task = bootstrap.measured(all) }
    self.groups = names.map { ($0, bootstrap.measured(groups[$0] ?? [])) }
  }

  private static func times(
    _ records: [PictureRecord], _ vision: KeyPath<PictureRecord, PictureRecord.VisionTimes>,
    _ language: KeyPath<QuestionRecord, QuestionRecord.LanguageTimes>
  ) -> Times {
    var times = Times()
    var (questions, steps) = (0, 0)
    for record in records {
      times.encode += record[keyPath: vision].encode
      times.project += record[keyPath: vision].project
      for question in record.questions {
        questions += 1
        times.prefill += question[keyPath: language].prefill
        times.decode += question[keyPath: language].decode
        steps += question[keyPath: language].steps
      }
    }
    times.encode /= Double(max(1, records.count))
    times.project /= Double(max(1, records.count))
    times.prefill /= Double(max(1, questions))
    times.decode /= Double(max(1, steps))
    return times
  }

  private mutating func sumLayers(_ records: [PictureRecord]) {
    var names: [String] = []
    var sums: [String: LayerRecord] = [:]
    for record in records where !record.layers.isEmpty {
      layerPictures += 1
      for layer in record.layers {
        guard var sum = sums[layer.name] else {
          names.append(layer.name)
          sums[layer.name] = layer
          continue
        }
        sum.whole.add(layer.whole)
        sum.introduced += layer.introduced
        sum.inherited += layer.inherited
        sums[layer.name] = sum
      }
    }
    layers = names.compactMap { sums[$0] }.map { layer in
      LayerError(
        name: layer.name, signalToNoise: layer.whole.signalToNoise,
        introduced: Decibels.ratio(layer.whole.power, over: layer.introduced),
        inherited: Decibels.ratio(layer.whole.power, over: layer.inherited),
        cosine: layer.whole.cosine)
    }
  }

  private mutating func findWorst(_ records: [PictureRecord]) {
    let all = records.map { record in
      WorstPicture(
        name: record.name, pixels: record.pixels, cosine: record.imageTokens.cosine,
        signalToNoise: record.imageTokens.signalToNoise, featureErrors: record.featureErrors)
    }
    // NaN is worse than anything; equal ones stay in their order.
    let ordered = all.enumerated().sorted { a, b in
      let (x, y) = (a.element.signalToNoise, b.element.signalToNoise)
      if x.isNaN || y.isNaN { return x.isNaN && !y.isNaN }
      return x == y ? a.offset < b.offset : x < y
    }
    worstPictures = ordered.prefix(Self.worstCount).map(\.element)
  }
}
