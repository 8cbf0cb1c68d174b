import MartletModel
import MartletReference
import MartletTestSupport
import Testing

@Suite struct ReferenceModelTests {
  /// A language part that scores the last embedding against a table: `logits = table · embedding(last)`.
  private func model(tokens: Int?) throws -> ReferenceModel {
    var net = NetworkBuilder(role: .language)
    let ids = net.input("ids", .ids)
    let images = net.input("images", .rows(channels: 2))
    let embedding = Embedding(rows: 4, channels: 2, weight: net.parameter("table", [4, 2]))
    var x = net.layer("embed", .embed(embedding), ids, images)
    x = net.layer("last", .selectLast, x)
    let head = Linear(inputs: 2, outputs: 4, weight: net.parameter("head", [4, 2]), bias: nil)
    x = net.layer("head", .linear(head), x)
    let tokenizer = tokens.map {
      TokenizerSpecification(
        splitter: .qwen2, tokens: [[UInt8]](repeating: [65], count: $0), merges: [],
        addedTokens: [])
    }
    let description = ModelDescription(
      architecture: "test", networks: [try net.finished(output: x)],
      image: ImageSpecification(resolution: 1, fit: .pad), tokenizer: tokenizer, prompt: nil)
    return try ReferenceModel(
      description: description,
      parameters: ParameterTable([
        "language.table": [1, 0, 0, 1, -1, 0, 0, -1],
        // Token 0 is followed by 1, 1 by 2, 2 by 0; 3 is what `[1, 0]` and `[0, 1]` score highest.
        "language.head": [-1, 0, 1, 0, 0, 1, 9, 9],
      ]))
  }

  @Test func eachSentinelTakesAllRowsOfItsImage() throws {
    let model = try model(tokens: nil)
    let first = ReferenceTensor(rows: 2, channels: 2, data: [5, 6, 7, 8])
    let second = ReferenceTensor(rows: 1, channels: 2, data: [9, 10])
    var embedded: ReferenceTensor?
    let cache = KeyValueCache()
    let logits = try model.prefilled(
      ids: [0, -200, 1, -200], images: [first, second], cache: cache,
      tap: ReferenceTap(wants: { $0 == "language.embed" }, receive: { embedded = $1 }))
    #expect(embedded?.data == [1, 0, 5, 6, 7, 8, 0, 1, 9, 10])
    #expect(logits == [-9, 9, 10, 171])
    #expect(cache.count == 5)
  }

  @Test func imagesAndSentinelsMustAgree() throws {
    let model = try model(tokens: nil)
    #expect(throws: ReferenceError.imageCount(places: 1, images: 0)) {
      try model.prefilled(ids: [0, -200], images: [], cache: KeyValueCache())
    }
  }

  @Test func greedyChoiceNeverLeavesTheTokenizer() throws {
    #expect(try model(tokens: nil).greedyChoice([0, 1, 2, 3]) == 3)
    #expect(try model(tokens: 3).greedyChoice([0, 1, 2, 3]) == 2)
    #expect(try model(tokens: 9).greedyChoice([0, 3, 2, 3]) == 1)
  }

  @Test func greedyContinuationFeedsEachIdBack() throws {
    let model = try model(tokens: 3)
    let cache = KeyValueCache()
    let logits = try model.prefilled(ids: [0], images: [], cache: cache)
    let ids = try model.greedyContinuation(of: logits, count: 5, cache: cache)
    #expect(ids == [1, 2, 0, 1, 2])
    #expect(cache.count == 5)
    var observed: [Int] = []
    let stopped = try model.greedyContinuation(of: logits, count: 5, cache: KeyValueCache()) {
      observed.append($0)
      return $0 != 2
    }
    #expect(stopped == [1, 2])
    #expect(observed == [1, 2])
  }

  @Test func aMissingPartIsNamed() throws {
    #expect(throws: ReferenceError.missingNetwork(.vision)) {
      try model(tokens: nil).encoded(Pixels(height: 1, width: 1, bytes: [1, 2, 3]))
    }
  }
}
