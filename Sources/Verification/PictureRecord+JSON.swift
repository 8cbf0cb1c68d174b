import MartletBytes

extension PictureRecord {
  var json: JSONObject {
    var json = JSONObject()
    json.set("picture", JSONValue(picture))
    json.set("name", .string(name))
    json.set("pixels", .string(EvaluationSubject.text(pixels)))
    json.set("pixels_difference", JSONValue(pixelsDifference))
    json.set("encoder", .exact(encoder.numbers))
    json.set("image_tokens", .exact(imageTokens.numbers))
    json.set("feature_errors", .exact(featureErrors))
    json.set("reference_ms", .exact([reference.encode, reference.project]))
    json.set("packed_ms", .exact([packed.encode, packed.project]))
    json.set(
      "layers",
      .array(
        layers.map { layer in
          .array([
            .string(layer.name),
            .exact(layer.whole.numbers + [layer.introduced, layer.inherited]),
          ])
        }))
    json.set("questions", .array(questions.map { .object($0.json) }))
    json.set("peak_bytes", JSONValue(peakBytes))
    return json
  }

  init(_ reader: inout ResultsReader) throws(ResultsProblem) {
    picture = try reader.int("picture", 0...Int.max)
    name = try reader.text("name")
    pixels = try reader.word("pixels")
    pixelsDifference = try reader.int("pixels_difference", 0...255)
    encoder = SimilarityTerms(try reader.numbers("encoder", count: 4))
    imageTokens = SimilarityTerms(try reader.numbers("image_tokens", count: 4))
    featureErrors = try reader.numbers("feature_errors")
    let reference = try reader.numbers("reference_ms", count: 2)
    self.reference = VisionTimes(encode: reference[0], project: reference[1])
    let packed = try reader.numbers("packed_ms", count: 2)
    self.packed = VisionTimes(encode: packed[0], project: packed[1])
    layers = try reader.array("layers") { value throws(ResultsProblem) in
      guard let pair = value.array, pair.count == 2, let name = pair[0].string,
        let numbers = pair[1].array, numbers.count == 6
      else { throw .kind(key: "layers", expected: "a name and 6 numbers each") }
      var sums: [Double] = []
      for number in numbers { sums.append(try ResultsReader.number(number, key: "layers")) }
      return LayerRecord(
        name: name, whole: SimilarityTerms(Array(sums[..<4])), introduced: sums[4],
        inherited: sums[5])
    }
    questions = try reader.array("questions") { value throws(ResultsProblem) in
      var reader = try ResultsReader(value, key: "questions")
      let question = try QuestionRecord(&reader)
      try reader.finish()
      return question
    }
    peakBytes = try reader.int("peak_bytes", 0...Int.max)
  }
}

extension SimilarityTerms {
  fileprivate var numbers: [Double] { [product, power, foundPower, noise] }

  fileprivate init(_ numbers: [Double]) {
    self.init(
      product: numbers[0], power: numbers[1], foundPower: numbers[2], noise: numbers[3])
  }
}

extension QuestionRecord {
  fileprivate var json: JSONObject {
    var json = JSONObject()
    json.set("question", JSONValue(question))
    json.set("text", .string(text))
    json.set("group", group.map(JSONValue.string) ?? .null)
    json.set("answer", answer.map(JSONValue.string) ?? .null)
    json.set("reference", .string(reference))
    json.set("packed", .string(packed))
    json.set("token_ids_equal", .bool(tokenIDsEqual))
    json.set("exact", .bool(isExact))
    json.set("same_tokens", JSONValue(sameTokens))
    json.set("kl", .exact(positions.map(\.divergence)))
    json.set("logit_errors", .exact(positions.map(\.error)))
    json.set("logit_errors_max", .exact(positions.map(\.errorMaximum)))
    json.set("top1", .array(positions.map { .bool($0.isTopEqual) }))
    json.set("top5", .exact(positions.map(\.topFiveShare)))
    json.set("reference_ms", .exact(referenceTimes.numbers))
    json.set("packed_ms", .exact(packedTimes.numbers))
    json.set("steps", .array([JSONValue(referenceTimes.steps), JSONValue(packedTimes.steps)]))
    return json
  }

  fileprivate init(_ reader: inout ResultsReader) throws(ResultsProblem) {
    question = try reader.int("question", 0...Int.max)
    text = try reader.text("text")
    group = try reader.optionalText("group")
    answer = try reader.optionalText("answer")
    reference = try reader.text("reference")
    packed = try reader.text("packed")
    tokenIDsEqual = try reader.bool("token_ids_equal")
    isExact = try reader.bool("exact")
    sameTokens = try reader.int("same_tokens", 0...1_000_000_000)
    let divergences = try reader.numbers("kl")
    let count = divergences.count
    let errors = try reader.numbers("logit_errors", count: count)
    let maxima = try reader.numbers("logit_errors_max", count: count)
    let tops = try reader.array("top1") { value throws(ResultsProblem) in
      guard let top = value.bool else { throw .kind(key: "top1", expected: "true or false") }
      return top
    }
    let shares = try reader.numbers("top5", count: count)
    guard tops.count == count else { throw .kind(key: "top1", expected: "\(count) elements") }
    positions = (0..<count).map { index in
      PositionComparison(
        divergence: divergences[index], error: errors[index], errorMaximum: maxima[index],
        isTopEqual: tops[index], topFiveShare: shares[index])
    }
    let reference = try reader.numbers("reference_ms", count: 2)
    let packed = try reader.numbers("packed_ms", count: 2)
    let steps = try reader.array("steps") { value throws(ResultsProblem) in
      guard let steps = value.int, (0...1_000_000_000).contains(steps) else {
        throw .kind(key: "steps", expected: "numbers of tokens")
      }
      return steps
    }
    guard steps.count == 2 else { throw .kind(key: "steps", expected: "2 elements") }
    referenceTimes = LanguageTimes(prefill: reference[0], decode: reference[1], steps: steps[0])
    packedTimes = LanguageTimes(prefill: packed[0], decode: packed[1], steps: steps[1])
  }
}

extension QuestionRecord.LanguageTimes {
  fileprivate var numbers: [Double] { [prefill, decode] }
}
