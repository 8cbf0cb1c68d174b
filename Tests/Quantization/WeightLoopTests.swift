import MartletBytes
import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

/// The fast encoders give the bytes of the definitions, `Int8Weights.quantized` and `Int4Weights.quantized`, laid out as
/// `WeightEncoding` says, with and without threads.
@Suite struct WeightLoopTests {
  /// Tails in outputs, in blocks of 4 and in groups of 32.
  private static let shapes = [(1, 1), (3, 5), (16, 32), (17, 33), (40, 100), (33, 64), (7, 129)]
  /// Ordinary, nearly nothing, below what is encoded, with outliers, beyond f16, tied roundings, and codes of 4 bits already.
  private static let kinds = ["normal", "tiny", "nothing", "outliers", "huge", "halves", "whole"]

  private func weights(_ count: Int, kind: String) -> [Float] {
    var generator = SeededGenerator(seed: UInt64(count))
    let normal = generator.normals(count)
    switch kind {
    case "tiny": return normal.map { $0 * 1e-9 }
    case "nothing": return normal.map { $0 * 1e-38 }
    case "outliers": return normal.enumerated().map { $0 % 7 == 0 ? $1 * 1e4 : 0 }
    case "huge": return normal.map { $0 * 3e5 }
    case "whole":
      let scale = Float(Float16(0.0137))
      return normal.map { scale * min(7, max(-8, ($0 * 3).rounded())) }
    case "halves": return normal.map { ($0 * 20).rounded() / 2 }
    default: return normal
    }
  }

  private func encoded(
    _ weights: [Float], _ outputs: Int, _ inputs: Int, _ precision: Precision, threads: Int?
  ) throws -> EncodedParameter {
    var network = NetworkBuilder(role: .projector)
    let x = network.input("rows", .rows(channels: inputs))
    let op = Linear(
      inputs: inputs, outputs: outputs,
      weight: network.parameter("0.weight", [outputs, inputs]), bias: nil)
    let y = network.layer("0", .linear(op), x)
    let model = try FoldedModel(
      description: ModelDescription(
        architecture: "one", networks: [try network.finished(output: y)],
        image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil),
      parameters: ParameterTable(["projector.0.weight": weights]))
    var scheme = Scheme.preset(.int8)
    scheme.projector = precision
    let pool = try threads.map { try ThreadPool(threads: $0) }
    let quantized = try Quantizer.quantized(model, scheme: scheme, statistics: nil, pool: pool)
    return try quantized.parameters.encoded("projector.0.weight")
  }

  @Test(arguments: shapes, kinds)
  func int8EqualsItsDefinition(shape: (Int, Int), kind: String) throws {
    let (outputs, inputs) = shape
    let weights = weights(outputs * inputs, kind: kind)
    let panels = (outputs + 15) / 16
    let blocks = (inputs + 3) / 4
    var codes = [UInt8](repeating: 0, count: panels * blocks * 64)
    var scales = [Float](repeating: 0, count: panels * 16)
    var sums = [Int32](repeating: 0, count: panels * 16)
    for output in 0..<outputs {
      let row = Int8Weights.quantized(weights[(output * inputs)..<((output + 1) * inputs)])
      scales[output] = row.scale
      for (input, code) in row.codes.enumerated() {
        let place = ((output / 16 * blocks + input / 4) * 16 + output % 16) * 4 + input % 4
        codes[place] = UInt8(bitPattern: code)
        sums[output] += Int32(code)
      }
    }
    for threads in [nil, 1, 3] {
      let found = try encoded(weights, outputs, inputs, .int8, threads: threads)
      #expect(found.components.map(\.component) == [.codes, .scales, .offsets])
      #expect(found.components[0].bytes == codes)
      #expect(found.components[1].bytes == scales.flatMap { $0.bitPattern.bytes })
      #expect(found.components[2].bytes == sums.flatMap { UInt32(bitPattern: $0).bytes })
    }
  }

  @Test(arguments: shapes, kinds)
  func int4EqualsItsDefinition(shape: (Int, Int), kind: String) throws {
    let (outputs, inputs) = shape
    let weights = weights(outputs * inputs, kind: kind)
    let panels = (outputs + 15) / 16
    let groups = (inputs + 31) / 32
    var codes = [UInt8](repeating: 0x88, count: panels * groups * 256)
    var scales = [Float16](repeating: 0, count: panels * groups * 16)
    var sums = [Double](repeating: 0, count: panels * 16)
    for output in 0..<outputs {
      for group in 0..<groups {
        var values = SIMD32<Float>(repeating: 0)
        for lane in 0..<min(32, inputs - 32 * group) {
          values[lane] = weights[output * inputs + 32 * group + lane]
        }
        let found = Int4Weights.quantized(values)
        let line = (output / 16 * groups + group) * 16
        scales[line + output % 16] = found.scale
        sums[output] += Double(found.scale) * Double(found.codes.sum())
        for byte in 0..<16 {
          let place = line * 16 + byte / 4 * 64 + output % 16 * 4 + byte % 4
          codes[place] = UInt8(found.codes[byte] + 8) | UInt8(found.codes[byte + 16] + 8) << 4
        }
      }
    }
    for threads in [nil, 3] {
      let found = try encoded(weights, outputs, inputs, .int4, threads: threads)
      #expect(found.components[0].bytes == codes)
      #expect(found.components[1].bytes == scales.flatMap { $0.bitPattern.bytes })
      #expect(found.components[2].bytes == sums.flatMap { Float($0).bitPattern.bytes })
    }
  }

  @Test(arguments: [0, 17, 63], [Float.nan, .infinity, -.infinity])
  func numbersThatAreNotFiniteAreNamed(place: Int, number: Float) throws {
    var weights = weights(64, kind: "normal")
    weights[place] = number
    #expect(throws: ModelError.notFinite(parameter: "projector.0.weight", index: place)) {
      try encoded(weights, 2, 32, .int8, threads: nil)
    }
  }
}

extension FixedWidthInteger {
  /// Lowest first.
  fileprivate var bytes: [UInt8] {
    (0..<(Self.bitWidth / 8)).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) }
  }
}
