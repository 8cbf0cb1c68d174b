import MartletBytes
import MartletModel
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletTestSupport
import Testing

/// Runs small networks on the packed executor.
struct Bench {
  let small: SmallNetwork
  let model: LoadedModel

  init(_ small: SmallNetwork, scheme: Scheme) throws {
    self.small = small
    let folded = try FoldedModel(description: small.description, parameters: small.parameters)
    let quantized = try Quantizer.quantized(folded, scheme: scheme, statistics: nil)
    let encoded = try small.network.parameters.map { try quantized.parameters.encoded($0.name) }
    model = LoadedModel(
      description: small.description, plan: quantized.plan,
      weights: [small.network.role: try WeightTable(encoded)])
  }

  func picture(
    _ pixels: Pixels, threads: Int = 2, fuse: Bool = true,
    instructionSet: InstructionSet = .best
  ) throws -> [Float] {
    let options = RunOptions(instructionSet: instructionSet, threads: threads, fuse: fuse)
    let session = try VisionSession(
      model: model, resolution: pixels.height, options: options,
      pool: try ThreadPool(threads: threads))
    return try session.encode(pixels).imageTokens
  }

  func logits(
    _ ids: [Int], imageRows: [Float] = [], parts: [Int]? = nil, threads: Int = 2,
    fuse: Bool = true, instructionSet: InstructionSet = .best
  ) throws -> [Float] {
    let options = RunOptions(instructionSet: instructionSet, threads: threads, fuse: fuse)
    let session = try LanguageSession(
      model: model, capacity: 1000, options: options, pool: try ThreadPool(threads: threads))
    var done = 0
    for part in parts ?? [ids.count] {
      try session.append(
        Array(ids[done..<(done + part)]), imageRows: done == 0 ? imageRows : [])
      done += part
    }
    return session.withLogits { logits in logits.indices.map { logits[$0] } } ?? []
  }

  func referenceLogits(_ ids: [Int], imageRows: [Float]) throws -> [Float] {
    let executor = try ReferenceExecutor(network: small.network, parameters: small.parameters)
    let hidden = small.network[small.network.inputs[1]].shape.channels
    return try executor.run([
      .ids(ids),
      .tensor(
        ReferenceTensor(rows: imageRows.count / hidden, channels: hidden, data: imageRows)),
    ]).data
  }

  static func pixels(side: Int, seed: UInt64 = 9) -> Pixels {
    var generator = SeededGenerator(seed: seed)
    let bytes = (0..<(side * side * 3)).map { _ in UInt8(generator.int(in: 0...255)) }
    return Pixels(height: side, width: side, bytes: bytes)
  }
}

func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

func relativeRootMeanSquare(_ a: [Float], _ b: [Float]) -> Double {
  var (error, power) = (0.0, 0.0)
  for (x, y) in zip(a, b) {
    error += Double(x - y) * Double(x - y)
    power += Double(y) * Double(y)
  }
  return (error / power).squareRoot()
}

@Suite struct NumericTests {
  static let imageRows = [Float](
    SeededGeneratedRows.rows(count: 5, width: 48))
  static let ids = [3, 60, -1, -1, -1, -1, -1, 12, 33, 69, 0, 7]

  @Test(arguments: [32, 64, 96]) func floatVisionEqualsTheReference(side: Int) throws {
    let bench = try Bench(try .vision(), scheme: .preset(.float32))
    let pixels = Bench.pixels(side: side)
    let executor = try ReferenceExecutor(
      network: bench.small.network, parameters: bench.small.parameters)
    let expected = try executor.run([.tensor(ReferenceTensor(pixels))]).data
    let found = try bench.picture(pixels)
    let scale = expected.reduce(0) { max($0, abs($1)) }
    #expect(found.count == expected.count)
    #expect(largestDifference(found, expected) < 1e-5 * scale)
  }

  @Test func floatLanguageEqualsTheReference() throws {
    let bench = try Bench(try .language(), scheme: .preset(.float32))
    let expected = try bench.referenceLogits(Self.ids, imageRows: Self.imageRows)
    let found = try bench.logits(Self.ids, imageRows: Self.imageRows)
    let scale = expected.reduce(0) { max($0, abs($1)) }
    #expect(largestDifference(found, expected) < 1e-5 * scale)
  }

  /// Per-row ranges and plain rounding: an eighth bit costs about 0.4 % of a layer's rms.
  @Test func integerSchemesStayNearTheReference() throws {
    let vision = try SmallNetwork.vision()
    let pixels = Bench.pixels(side: 64)
    let expected = try Bench(vision, scheme: .preset(.float32)).picture(pixels)
    let int8 = try Bench(vision, scheme: .preset(.int8)).picture(pixels)
    #expect(relativeRootMeanSquare(int8, expected) < 0.02)
    var four = Scheme.preset(.int8)
    four.encoder = .int4
    let int4 = try Bench(vision, scheme: four).picture(pixels)
    #expect(relativeRootMeanSquare(int4, expected) < 0.2)
    #expect(relativeRootMeanSquare(int4, expected) > relativeRootMeanSquare(int8, expected))
  }

  @Test(arguments: [Precision.float32, .int8, .int4])
  func fusionThreadsAndInstructionSetsChangeNothing(precision: Precision) throws {
    var scheme = Scheme.preset(precision)
    if precision == .int4 { scheme.encoder = .int4 }
    let vision = try Bench(try .vision(), scheme: scheme)
    let pixels = Bench.pixels(side: 64)
    let expected = try vision.picture(pixels, threads: 1, fuse: false)
    let language = try Bench(try .language(), scheme: scheme)
    let logits = try language.logits(Self.ids, imageRows: Self.imageRows, threads: 1, fuse: false)
    for instructionSet in InstructionSet.available {
      for fuse in [false, true] {
        for threads in [1, 3] {
          #expect(
            try vision.picture(
              pixels, threads: threads, fuse: fuse, instructionSet: instructionSet) == expected)
          #expect(
            try language.logits(
              Self.ids, imageRows: Self.imageRows, threads: threads, fuse: fuse,
              instructionSet: instructionSet) == logits)
        }
      }
    }
  }

  @Test(arguments: [Precision.float32, .int8, .int4])
  func promptsInPartsEqualPromptsAtOnce(precision: Precision) throws {
    let bench = try Bench(try .language(), scheme: .preset(precision))
    let whole = try bench.logits(Self.ids, imageRows: Self.imageRows)
    for parts in [[8, 4], [8, 1, 1, 1, 1], [7, 5]] {
      #expect(try bench.logits(Self.ids, imageRows: Self.imageRows, parts: parts) == whole)
    }
    var generator = SeededGenerator(seed: 5)
    let long = (0..<700).map { _ in generator.int(in: 0...69) }
    #expect(try bench.logits(long) == bench.logits(long, parts: [1, 350, 349]))
  }
}

enum SeededGeneratedRows {
  static func rows(count: Int, width: Int) -> [Float] {
    var generator = SeededGenerator(seed: 77)
    return generator.normals(count * width)
  }
}
