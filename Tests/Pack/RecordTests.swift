import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// Records that lie, each behind checksums that fit.
@Suite struct RecordTests {
  private let bench: Workbench

  init() throws { bench = try Workbench(threads: 1) }

  /// A change of bytes in one record, and what the reader must say about it.
  struct Lie: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var record: String
    var change: @Sendable (inout [UInt8]) -> Void
    var expected: @Sendable (PackError) -> Bool

    init(
      _ testDescription: String, _ record: String,
      _ change: @escaping @Sendable (inout [UInt8]) -> Void,
      _ expected: @escaping @Sendable (PackError) -> Bool
    ) {
      self.testDescription = testDescription
      self.record = record
      self.change = change
      self.expected = expected
    }
  }

  private static func set(
    _ value: UInt64, _ size: Int, at offset: Int
  ) -> @Sendable (inout [UInt8]) -> Void {
    { PackImage.store(value, size, in: &$0, at: offset) }
  }

  /// Changes the bytes behind the first occurrence of a text.
  private static func behind(
    _ text: String, _ distance: Int, _ value: UInt64, _ size: Int
  ) -> @Sendable (inout [UInt8]) -> Void {
    { bytes in
      let pattern = Array(text.utf8)
      let place = (0..<bytes.count - pattern.count).first {
        Array(bytes[$0..<$0 + pattern.count]) == pattern
      }
      guard let place else {
        Issue.record("no '\(text)' in the record")
        return
      }
      PackImage.store(value, size, in: &bytes, at: place + pattern.count + distance)
    }
  }

  private static func field(_ what: String) -> @Sendable (PackError) -> Bool {
    { error in
      guard case .field(_, _, let found, _) = error else { return false }
      return found == what
    }
  }

  private static let truncated: @Sendable (PackError) -> Bool = { error in
    guard case .truncatedRecord = error else { return false }
    return true
  }

  private static let badModel: @Sendable (PackError) -> Bool = { error in
    guard case .model = error else { return false }
    return true
  }

  private static let notText: @Sendable (PackError) -> Bool = { error in
    guard case .text = error else { return false }
    return true
  }

  private static let notANumber = UInt64(Float.nan.bitPattern)

  static let small: [Lie] = [
    Lie("architecture longer than the record", "MODL", set(9, 4, at: 0), truncated),
    Lie("architecture not UTF-8", "MODL", set(0xFF, 1, at: 5), notText),
    Lie("no resolution", "IMAG", set(0, 4, at: 0), field("resolution")),
    Lie("huge resolution", "IMAG", set(1 << 15, 4, at: 0), field("resolution")),
    Lie("unknown fit", "IMAG", set(2, 1, at: 4), field("fit")),
    Lie("mean is no number", "IMAG", set(notANumber, 4, at: 8), field("mean")),
    Lie("deviation of zero", "IMAG", set(0, 4, at: 20), field("standard deviation")),
    Lie("unknown splitter", "TOKN", set(2, 1, at: 0), field("splitter")),
    Lie("more tokens than bytes", "TOKN", set(0xFFFF_FFFF, 4, at: 1), truncated),
    Lie("token longer than the record", "TOKN", set(0xFFFF, 2, at: 5), truncated),
    Lie("merge of an unknown token", "TOKN", set(5, 4, at: 25), field("merge")),
    Lie("special is neither", "TOKN", set(2, 1, at: 45), field("special")),
    Lie("huge token id", "TOKN", set(1 << 24, 4, at: 41), field("token id")),
    Lie("stop id beyond all", "PRMP", set(1 << 24, 4, at: 34), field("stop id")),
    Lie("no sequence", "PRMP", set(0, 4, at: 42), field("longest sequence")),
  ]

  static let networks: [Lie] = [
    Lie("more networks than roles", "NETW", set(4, 4, at: 0), field("network count")),
    Lie("unknown role", "NETW", set(3, 1, at: 4), field("role")),
    Lie("more parameters than bytes", "NETW", set(1 << 30, 4, at: 5), truncated),
    Lie("rank of zero", "NETW", behind("stem.weight", 0, 0, 1), field("rank")),
    Lie("rank of nine", "NETW", behind("stem.weight", 0, 9, 1), field("rank")),
    Lie("extent of zero", "NETW", behind("stem.weight", 1, 0, 4), field("extent")),
    Lie("huge extent", "NETW", behind("stem.weight", 1, 1 << 25, 4), field("extent")),
    Lie("another extent", "NETW", behind("stem.weight", 1, 9, 4), badModel),
    Lie("unknown kind of value", "NETW", behind("pixels", 0, 3, 1), field("kind of value")),
    Lie("value without channels", "NETW", behind("pixels", 1, 0, 4), field("channels")),
    Lie("value without stride", "NETW", behind("pixels", 5, 0, 4), field("stride")),
    Lie("rows with a stride", "NETW", behind("features", 5, 1, 4), field("stride")),
    Lie(
      "unknown op", "NETW", layer("vision.gelu", 0, 15, 2),
      { $0 == .unknownOp(layer: "vision.gelu", code: 15, offset: offset($0)) }),
    Lie("unknown activation", "NETW", layer("vision.gelu", 11, 2, 1), field("activation")),
    Lie("value from later", "NETW", layer("vision.gelu", 3, 9, 4), badModel),
    Lie("value that is not there", "NETW", layer("vision.gelu", 3, 0xFFFF_FFFF, 4), badModel),
    Lie("result that is not there", "NETW", layer("vision.gelu", 7, 0xFFFF_FFFF, 4), badModel),
    Lie("kernel of zero", "NETW", layer("vision.stem", 19, 0, 4), badModel),
    Lie("stride of zero", "NETW", layer("vision.stem", 23, 0, 4), badModel),
    Lie("parameter that is not there", "NETW", layer("vision.stem", 27, 99, 4), badModel),
    Lie("eps is no number", "NETW", layer("vision.norm", 15, notANumber, 4), field("eps")),
    Lie("huge head count", "NETW", layer("vision.attention", 11, 0xFFFF_FFFF, 4), badModel),
    Lie("no heads", "NETW", layer("vision.attention", 15, 0, 4), badModel),
    Lie("unknown mask", "NETW", layer("vision.attention", 27, 2, 1), field("mask")),
    Lie("huge gate", "NETW", layer("language.gate", 11, 0xFFFF_FFFF, 4), badModel),
    Lie("huge multiplier", "NETW", layer("vision.dw", 15, 0xFFFF_FFFF, 4), badModel),
  ]

  static let planAndTensors: [Lie] = [
    Lie("plan of an unknown layer", "PLAN", behind("vision.mi", 0, 0x79, 1), field("layer")),
    Lie(
      "unknown activation encoding", "PLAN", behind("vision.mix", 0, 3, 1),
      field("activation encoding")),
    Lie(
      "dynamic with a scale", "PLAN", behind("vision.mix", 1, 0x3F80_0000, 4),
      field("scale and zero point")),
    Lie("scale of zero", "PLAN", behind("vision.qkv", 1, 0, 4), field("scale")),
    Lie("scale below zero", "PLAN", behind("vision.qkv", 1, 0xBF80_0000, 4), field("scale")),
    Lie("scale is no number", "PLAN", behind("vision.qkv", 1, notANumber, 4), field("scale")),
    Lie("integer weight with a float input", "PLAN", behind("vision.mix", 0, 0, 1), badModel),
    Lie("float weight with an integer input", "PLAN", behind("projector.up", 0, 1, 1), badModel),
    Lie("odd frame size", "TENS", set(65, 4, at: 0), field("frame size")),
    Lie("huge frame size", "TENS", set(1 << 25, 4, at: 0), field("frame size")),
    Lie(
      "a tensor too few", "TENS", set(20, 4, at: 4),
      { if case .tensorCount(expected: 22, found: 20) = $0 { true } else { false } }),
    Lie("more tensors than bytes", "TENS", set(1 << 30, 4, at: 4), truncated),
    Lie(
      "another name", "TENS", behind("vision.ste", 0, 0x6E, 1),
      { if case .tensorMismatch = $0 { true } else { false } }),
    Lie(
      "another shape", "TENS", behind("vision.stem.weight", 1, 7, 4),
      { if case .tensorMismatch = $0 { true } else { false } }),
    Lie(
      "unknown encoding", "TENS", behind("vision.stem.bias", 5, 6, 1),
      field("encoding of 'vision.stem.bias'")),
    Lie("encoding that does not fit", "TENS", behind("vision.stem.bias", 5, 4, 1), badModel),
    Lie(
      "component too many", "TENS", behind("vision.stem.bias", 6, 2, 1),
      field("component count of 'vision.stem.bias'")),
    Lie(
      "another component", "TENS", behind("vision.stem.bias", 7, 1, 1),
      field("component of 'vision.stem.bias'")),
    Lie(
      "unknown storage", "TENS", behind("vision.stem.bias", 8, 3, 1),
      field("storage of 'vision.stem.bias'")),
    Lie(
      "component out of place", "TENS", behind("vision.stem.bias", 9, 64, 8),
      { if case .place(part: .tensor, _, found: 64) = $0 { true } else { false } }),
    Lie(
      "huge component", "TENS", behind("vision.stem.bias", 17, 1 << 62, 8),
      {
        if case .componentSize(_, .codes, expected: 32, found: 1 << 62) = $0 { true } else { false }
      }),
    Lie(
      "empty frame", "TENS", behind("vision.stem.bias", 25, 0, 4),
      field("stored size of a frame of 'vision.stem.bias'")),
    Lie(
      "frame larger than its content", "TENS", behind("vision.stem.bias", 25, 0xFFFF_FFFF, 4),
      field("stored size of a frame of 'vision.stem.bias'")),
  ]

  /// Changes the bytes behind the name of a layer where the layer's own entry stands (the value of this
  /// name comes first).
  private static func layer(
    _ name: String, _ distance: Int, _ value: UInt64, _ size: Int
  ) -> @Sendable (inout [UInt8]) -> Void {
    { bytes in
      let pattern = Array(name.utf8)
      let length = pattern.count
      let places = (4..<bytes.count - length).filter {
        Array(bytes[$0..<$0 + length]) == pattern
          && PackImage.number(bytes, $0 - 4, 4) == UInt64(length)
      }
      guard places.count == 2 else {
        Issue.record("'\(name)' stands \(places.count) times")
        return
      }
      PackImage.store(value, size, in: &bytes, at: places[1] + length + distance)
    }
  }

  private static func offset(_ error: PackError) -> UInt64 {
    if case .unknownOp(_, _, let offset) = error { offset } else { 0 }
  }

  @Test(arguments: small + networks + planAndTensors)
  func lieIsFound(_ lie: Lie) throws {
    var image = PackImage(try bench.packed())
    var content = image[lie.record]
    lie.change(&content)
    #expect(content != image[lie.record])
    image[lie.record] = content
    let fault = try #require(try bench.fault(image.signed()))
    #expect(lie.expected(fault), "\(String(describing: fault))")
  }

  @Test(arguments: ["MODL", "IMAG", "TOKN", "PRMP", "NETW", "PLAN", "PROV", "TENS"])
  func recordsCutAnywhereAreRefused(type: String) throws {
    let image = PackImage(try bench.packed())
    let content = image[type]
    for count in content.indices {
      var cut = image
      // Padded to its size after the cut, so that the other records stay where they are.
      cut[type] = Array(content[..<count])
      #expect(try bench.fault(cut.signed()) != nil)
    }
  }

  /// Components that claim far more than they store are refused before memory is asked for.
  @Test func expansionIsBounded() throws {
    let model = try ZeroModel.quantized()
    let pack = try bench.open(bench.packed(model, frameBytes: 1 << 20))
    // The writer itself stores zeros raw rather than break the rule.
    #expect(pack.tensors[0].components[0].storage == .raw)
    var image = PackImage(try bench.packed(model, frameBytes: 1 << 20))
    // One frame of 13 bytes that claims 1 MiB: the frame could hold it, the format forbids it.
    let frame: [UInt8] = [
      0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0x10, 0, 0x03, 0, 0x80, 0,
    ]
    image["DATA"] = frame
    let name = "vision.norm.weight"
    var tensors = image["TENS"]
    let place = 8 + 4 + name.utf8.count + 1 + 4 + 1 + 1
    tensors[place + 1] = 1
    PackImage.store(UInt64(frame.count), 4, in: &tensors, at: place + 18)
    PackImage.store(XXH64.checksum(frame), 8, in: &tensors, at: place + 22)
    image["TENS"] = tensors
    #expect(
      try bench.fault(image.signed())
        == .expansion(tensor: name, component: .codes, stored: 13, unpacked: 1 << 20))
  }

  /// Random changes behind fitting checksums: a value or an error, never a crash.
  @Test func randomLiesNeverCrash() throws {
    let intact = PackImage(try bench.packed())
    var random = Generator(state: 0x5EED)
    var refused = 0
    for _ in 0..<3000 {
      var image = intact
      let index = Int(random.next() % UInt64(image.records.count))
      if image.records[index].type == "DATA" { continue }
      for _ in 0..<1 + random.next() % 3 {
        let count = image.records[index].content.count
        let place = Int(random.next() % UInt64(count))
        let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(random.next() & 255)]
        image.records[index].content[place] = extremes[Int(random.next() % 6)]
      }
      if try bench.fault(image.signed()) != nil { refused += 1 }
    }
    #expect(refused > 1500)
  }

  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
  }
}

/// One norm over 262144 channels with a weight of zeros.
private enum ZeroModel {
  static func quantized() throws -> QuantizedModel {
    var net = NetworkBuilder(role: .vision)
    let count = 1 << 18
    let input = net.input("pixels", .rows(channels: count))
    let norm = Normalization(
      channels: count, eps: 1e-5, weight: net.parameter("norm.weight", [count]), bias: nil)
    let output = net.layer("norm", .rmsNorm(norm), input)
    let description = ModelDescription(
      architecture: "zeros", networks: [try net.finished(output: output)],
      image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil)
    return try QuantizedModel(
      description: description,
      plan: QuantizationPlan(weights: ["vision.norm.weight": .float32], activations: [:]),
      parameters: Zeros(count: count))
  }

  private final class Zeros: EncodedParameters {
    private let count: Int
    init(count: Int) { self.count = count }

    func encoded(_ name: String) throws(ModelError) -> EncodedParameter {
      EncodedParameter(
        name: name, shape: [count], encoding: .float32,
        components: [(.codes, [UInt8](repeating: 0, count: 4 * count))])
    }
  }
}
