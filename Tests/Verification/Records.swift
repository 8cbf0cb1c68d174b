import MartletModel
import MartletTestSupport
import MartletVerification

/// Invented results.
enum Records {
  static func question(
    _ place: Int, right: Bool, packRight: Bool, group: String? = nil
  ) -> QuestionRecord {
    QuestionRecord(
      question: place, text: "q\(place)", group: group, answer: "yes",
      reference: right ? "Yes" : "no", packed: packRight ? "yes " : "no", tokenIDsEqual: true,
      isExact: right == packRight, sameTokens: 2,
      positions: [
        PositionComparison(
          divergence: 0.01, error: 0.1, errorMaximum: 0.3, isTopEqual: true, topFiveShare: 0.8)
      ],
      referenceTimes: .init(prefill: 4, decode: 2, steps: 1),
      packedTimes: .init(prefill: 1, decode: 1, steps: 1))
  }

  static func picture(_ place: Int) -> PictureRecord {
    PictureRecord(
      picture: place, name: "p\(place)", pixels: 1, pixelsDifference: 0,
      encoder: SimilarityTerms(product: 1, power: 1, foundPower: 1, noise: 0.001),
      imageTokens: SimilarityTerms(product: 1, power: 1, foundPower: 1, noise: 0.001),
      featureErrors: [0.1, 0.2, 0.3, 0.4], reference: .init(encode: 10, project: 1),
      packed: .init(encode: 2, project: 0.5), peakBytes: 1000)
  }

  /// Pictures with numbers that no short decimal says, some of them not finite, questions not in their order.
  static func drawn(pictures: Int, seed: UInt64) -> [PictureRecord] {
    var generator = SeededGenerator(seed: seed)
    func number() -> Double { Double(generator.float(in: 0...1)) / 3 }
    return (0..<pictures).map { place in
      var record = picture(place)
      record.name = "picture \(place) \"<&>\" é\u{1}"
      record.pixels = generator.next()
      record.encoder = SimilarityTerms(
        product: number(), power: number(), foundPower: number(), noise: number())
      record.imageTokens.noise = place == 3 ? .nan : number()
      record.featureErrors = (0..<4).map { _ in number() }
      record.reference.encode = number()
      if place < 2 {
        record.layers = ["a", "b"].map { name in
          LayerRecord(name: name, whole: record.encoder, introduced: number(), inherited: number())
        }
      }
      record.questions = (0..<3).map { index in
        var found = question(
          3 * (pictures - 1 - place) + index, right: generator.int(in: 0...9) > 1,
          packRight: generator.int(in: 0...9) > 2, group: ["x", "y", nil][index])
        found.positions = (0..<generator.int(in: 1...4)).map { _ in
          PositionComparison(
            divergence: place == 5 ? .infinity : number(), error: number(), errorMaximum: number(),
            isTopEqual: generator.int(in: 0...1) == 0, topFiveShare: number())
        }
        if index == 2 { found.answer = nil }
        found.packed += place == 1 ? "\u{202E}</script>\n" : ""
        return found
      }
      return record
    }
  }

  static func cases(of records: [PictureRecord]) -> VerificationCases {
    var cases = VerificationCases()
    for record in records {
      for question in record.questions {
        cases.add(
          path: record.name, name: record.name, question: question.text, answer: question.answer,
          group: question.group)
      }
    }
    return cases
  }

  static func subject(_ cases: VerificationCases, shard: Shard = .whole) -> EvaluationSubject {
    EvaluationSubject(
      tool: "martlet test",
      pack: .init(
        path: "/a/b.martlet", identity: 0x0123_4567_89AB_CDEF, byteCount: 4711, scheme: "int8",
        provenance: [.init(key: "tool", value: "x"), .init(key: "source/a", value: "00")]),
      referencePath: "/r", referenceDigest: [UInt8](repeating: 0xAB, count: 32), cases: cases,
      longestAnswer: 64, layerPictures: 2, instructionSet: "avx2", keyValueCache: "f32", threads: 2,
      machine: "m",
      image: ImageSpecification(resolution: 256, fit: .pad, fill: [1, 2, 3]), shard: shard)
  }
}
