import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletReference
import MartletSynthesis
import MartletTestSupport
import Testing

/// Activations keep their size, and pictures and words matter to the last layer.
@Suite struct ActivityTests {
  private func model(
    _ layout: SynthesisLayout, seed: UInt64 = 0, _ place: TemporaryDirectory
  ) throws -> SourceModel {
    let path = place.path("\(layout.rawValue)-\(seed)")
    try SyntheticCheckpoint(size: .tiny, layout: layout, seed: seed).write(to: path)
    return try SourceModel.read(Checkpoint.open(path)).model
  }

  private func reference(_ model: SourceModel) throws -> ReferenceModel {
    try ReferenceModel(description: model.description, parameters: model.parameters)
  }

  /// Even noise, or a smooth picture with an edge.
  private func picture(isNoise: Bool, seed: UInt64 = 4) -> Pixels {
    var generator = SeededGenerator(seed: seed)
    let side = 256
    var bytes: [UInt8] = []
    let tilt = generator.float(in: 0.2...0.8)
    for y in 0..<side {
      for x in 0..<side {
        for channel in 0..<3 {
          let slope = Float(x) * tilt + Float(y) * (1 - tilt) + (x > y ? 40 : 0)
          bytes.append(
            isNoise
              ? UInt8(generator.int(in: 0...255)) : UInt8(min(255, slope / Float(channel + 1))))
        }
      }
    }
    return Pixels(height: side, width: side, bytes: bytes)
  }

  /// Found: 0.2 to 9 in the encoder, image tokens 0.3 to 2.3, logits 2.3 to 2.8.
  @Test(arguments: [true, false], [UInt64(0), 1, 2])
  func noValueVanishesOrExplodes(isNoise: Bool, seed: UInt64) throws {
    let place = try TemporaryDirectory()
    let model = try reference(model(.llavaTrain, seed: seed, place))
    var sizes: [(String, Double)] = []
    let tap = ReferenceTap(
      wants: { $0.hasSuffix(".add") || $0.hasSuffix("activation") || $0.contains("head") },
      receive: { sizes.append(($0, $1.rootMeanSquare)) })
    let encoded = try model.encoded(picture(isNoise: isNoise), tap: tap)
    let tokens = try model.projected(encoded, tap: tap)
    let cache = KeyValueCache()
    let ids = [11, 45, PromptTemplate.imageSentinel, 300, 12, 13]
    let logits = try model.prefilled(ids: ids, images: [tokens], cache: cache, tap: tap)
    #expect(sizes.count > 25)
    for (name, size) in sizes { #expect(size > 0.1 && size < 20, "\(name): \(size)") }
    let size = tokens.rootMeanSquare
    #expect(size > 0.1 && size < 4, "image tokens \(size)")
    let spread = logits.deviation
    #expect(spread > 1 && spread < 6, "deviation of logits \(spread)")
  }

  @Test func picturesAndPlacesDiffer() throws {
    let place = try TemporaryDirectory()
    let model = try reference(model(.llava, place))
    let first = try model.projected(model.encoded(picture(isNoise: false, seed: 1)))
    let second = try model.projected(model.encoded(picture(isNoise: true, seed: 2)))
    #expect(first.difference(from: second) > 0.2 * first.rootMeanSquare)
    // Rows of one picture.
    var largest = 0.0
    for row in 1..<first.rows {
      let (a, b) = (
        ReferenceTensor(rows: 1, channels: first.channels, data: Array(first.row(0))),
        ReferenceTensor(rows: 1, channels: first.channels, data: Array(first.row(row)))
      )
      largest = max(largest, a.difference(from: b))
    }
    #expect(largest > 0.2 * first.rootMeanSquare)
  }

  @Test func answersAreNotOneTokenRepeated() throws {
    let place = try TemporaryDirectory()
    let model = try reference(model(.llava, place))
    let tokens = try model.projected(model.encoded(picture(isNoise: false)))
    let cache = KeyValueCache()
    let logits = try model.prefilled(
      ids: [7, PromptTemplate.imageSentinel, 31, 32], images: [tokens], cache: cache)
    let ids = try model.greedyContinuation(of: logits, count: 12, cache: cache)
    #expect(Set(ids).count > 3, "\(ids)")
  }

  /// Apple's fused form, its train-time form and transformers' layout are one function. All three are stored in F32, so
  /// what differs is the rounding of fused kernels, carried through the layers: measured 2e-6, allowed ten times that.
  @Test(arguments: [SynthesisLayout.llavaTrain, .native])
  func layoutsHoldOneModel(_ layout: SynthesisLayout) throws {
    let place = try TemporaryDirectory()
    let released = try reference(model(.llava, place))
    let other = try reference(model(layout, place))
    let pixels = picture(isNoise: true)
    let (a, b) = (try released.encoded(pixels), try other.encoded(pixels))
    #expect(a.largestDifference(from: b) <= 2e-5 * a.largest)
    let (first, second) = (try released.projected(a), try other.projected(b))
    let ids = [11, PromptTemplate.imageSentinel, 300, 12]
    let logits = try released.prefilled(ids: ids, images: [first], cache: KeyValueCache())
    let others = try other.prefilled(ids: ids, images: [second], cache: KeyValueCache())
    // transformers' layout has more rows behind those of Apple's.
    #expect(others.count == (layout == .native ? 576 : 512))
    let largest = logits.map { abs($0) }.max() ?? 0
    for (x, y) in zip(logits, others) { #expect(abs(x - y) <= 2e-5 * largest) }
  }
}

extension [Float] {
  fileprivate var deviation: Double {
    let mean = reduce(0.0) { $0 + Double($1) } / Double(count)
    let squares = reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    return (squares / Double(count)).squareRoot()
  }
}

extension ReferenceTensor {
  fileprivate var rootMeanSquare: Double {
    (data.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(data.count)).squareRoot()
  }

  /// Root of the mean squared difference.
  fileprivate func difference(from other: ReferenceTensor) -> Double {
    let squares = zip(data, other.data).reduce(0.0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    }
    return (squares / Double(data.count)).squareRoot()
  }

  fileprivate var largest: Float { data.reduce(0) { max($0, abs($1)) } }

  fileprivate func largestDifference(from other: ReferenceTensor) -> Float {
    zip(data, other.data).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}
