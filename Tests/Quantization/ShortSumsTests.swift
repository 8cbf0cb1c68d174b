import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

/// The sums of codes are looked at here by the rule of the kernel: steps of four inputs, three steps together, pairs of inputs.
@Suite struct ShortSumsTests {
  private static func sums(_ codes: [Int8]) -> [(positive: Int, negative: Int)] {
    var sums: [(Int, Int)] = []
    for group in stride(from: 0, to: codes.count, by: 12) {
      for pair in [0, 2] {
        var found = (0, 0)
        for step in stride(from: group, to: min(codes.count, group + 12), by: 4) {
          for input in step + pair..<step + pair + 2 where input < codes.count {
            let code = Int(codes[input])
            if code > 0 { found.0 += code } else { found.1 -= code }
          }
        }
        sums.append(found)
      }
    }
    return sums
  }

  static let kinds = ["normal", "uniform", "equal", "oneLarge", "negative", "tiny"]

  private static func row(_ kind: String, _ count: Int, _ seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { index in
      switch kind {
      case "normal": generator.normal()
      case "uniform": generator.float(in: -1...1)
      case "equal": 0.25
      case "oneLarge": index == count / 2 ? 40 : generator.normal()
      case "negative": -abs(generator.normal())
      default: generator.normal() * 1e-30
      }
    }
  }

  @Test(arguments: kinds, [1, 3, 4, 5, 11, 12, 13, 31, 96, 384, 1000])
  func everyLaneStaysWithinItsLimit(kind: String, inputs: Int) {
    for seed in 0..<8 {
      let row = Self.row(kind, inputs, UInt64(seed))
      let (scale, codes) = Int8Weights.quantized(row[...], isShort: true)
      #expect(scale > 0 && codes.count == inputs)
      #expect(Self.sums(codes).allSatisfy { $0.positive <= 128 && $0.negative <= 128 })
      // 30 dB; 34 to 37 are usual.
      if kind == "normal", inputs >= 96 {
        let (error, power) = zip(row, codes).reduce((Float(0), Float(0))) { sum, pair in
          let error = pair.0 - Float(pair.1) * scale
          return (sum.0 + error * error, sum.1 + pair.0 * pair.0)
        }
        #expect(error < 1e-3 * power)
      }
    }
  }

  /// GPTQ pushes errors into later inputs, whose codes still keep the limit; and gains by it as it does without.
  @Test(arguments: [RoundingRule.nearest, .gptq])
  func roundingKeepsTheLimit(rule: RoundingRule) throws {
    let weights = CorrelatedProduct.weights
    let inputs = CorrelatedProduct.inputs
    var scheme = CorrelatedProduct.scheme(.int8, rule)
    scheme.shortSums = true
    let report = QuantizationReport()
    let sample = rule == .gptq ? CorrelatedProduct.correlated(5, rows: 1000) : nil
    let found = try CorrelatedProduct.encoded(weights, scheme, sample, report: report)
    let outputs = weights.count / inputs
    for output in 0..<outputs {
      let codes = (0..<inputs).map { input in
        let place = ((output / 16 * ((inputs + 3) / 4) + input / 4) * 16 + output % 16) * 4
        return Int8(bitPattern: found.components[0].bytes[place + input % 4])
      }
      #expect(Self.sums(codes).allSatisfy { $0.positive <= 128 && $0.negative <= 128 })
    }
    if rule == .gptq {
      let unseen = CorrelatedProduct.correlated(77, rows: 200)
      scheme.rounding = .nearest
      let plain = try CorrelatedProduct.encoded(weights, scheme, nil)
      let gain =
        CorrelatedProduct.error(weights, plain, on: unseen)
        / CorrelatedProduct.error(weights, found, on: unseen)
      #expect(gain > 3)
      #expect(report.compensated.first?.isTaken == true)
    }
  }

  /// Sums are short only where it was asked for, or the rule would be tested on codes that keep it by themselves.
  @Test func ordinaryCodesPassTheLimit() {
    let codes = Int8Weights.quantized(Self.row("normal", 384, 1)[...]).codes
    #expect(!Self.sums(codes).allSatisfy { $0.positive <= 128 && $0.negative <= 128 })
  }

  @Test func theSchemeIsRecorded() {
    var scheme = Scheme.preset(.int8)
    #expect(!scheme.text.contains("short-sums"))
    scheme.shortSums = true
    #expect(scheme.text.hasSuffix("short-sums=on"))
  }
}
