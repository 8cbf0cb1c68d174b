import MartletBytes
import MartletCalibration
import MartletModel
import MartletQuantization
import MartletTestSupport

/// A product whose inputs go together: what rounding by second moments lives on.
enum CorrelatedProduct {
  static let inputs = 96
  static let outputs = 40

  static func model(_ weights: [Float]) throws -> FoldedModel {
    var builder = NetworkBuilder(role: .projector)
    let x = builder.input("x", .rows(channels: Self.inputs))
    let weight = builder.parameter("product.weight", [Self.outputs, Self.inputs])
    let op = Linear(inputs: Self.inputs, outputs: Self.outputs, weight: weight, bias: nil)
    let y = builder.layer("product", .linear(op), x)
    return try FoldedModel(
      description: ModelDescription(
        architecture: "test", networks: [builder.finished(output: y)],
        image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil),
      parameters: ParameterTable(["projector.product.weight": weights]))
  }

  static func scheme(_ precision: Precision, _ rounding: RoundingRule) -> Scheme {
    var scheme = Scheme.preset(.int8)
    scheme.projector = precision
    scheme.rounding = rounding
    return scheme
  }

  /// Rows that a dozen factors explain but for a tenth.
  static func correlated(_ seed: UInt64, rows: Int) -> RowSample {
    var mixing = SeededGenerator(seed: 1)
    let factors = mixing.normals(12 * Self.inputs)
    var generator = SeededGenerator(seed: seed)
    return RowSample(
      rows: (0..<rows).map { _ in
        let strengths = generator.normals(12)
        var row = generator.normals(Self.inputs).map { $0 * 0.1 }
        for (factor, strength) in strengths.enumerated() {
          for input in 0..<Self.inputs {
            row[input] += strength * factors[factor * Self.inputs + input]
          }
        }
        return row
      })
  }

  static func encoded(
    _ weights: [Float], _ scheme: Scheme, _ sample: RowSample?, pool: ThreadPool? = nil,
    report: QuantizationReport = QuantizationReport()
  ) throws -> EncodedParameter {
    try Quantizer.quantized(
      model(weights), scheme: scheme,
      statistics: SampledStatistics(sample.map { ["projector.x": $0] } ?? [:]), pool: pool,
      report: report
    ).parameters.encoded("projector.product.weight")
  }

  /// `Σ |(W − Ŵ) x|²`
  static func error(_ weights: [Float], _ found: EncodedParameter, on sample: RowSample) -> Double {
    let decoded = DecodedMatrix.values(of: found)
    let rows = sample.floats(0..<sample.rows)
    var sum = 0.0
    for row in 0..<sample.rows {
      for output in 0..<Self.outputs {
        var result = 0.0
        for input in 0..<Self.inputs {
          let place = output * Self.inputs + input
          result +=
            Double(weights[place] - decoded[place]) * Double(rows[row * Self.inputs + input])
        }
        sum += result * result
      }
    }
    return sum
  }

  static var weights: [Float] {
    var generator = SeededGenerator(seed: 21)
    return generator.normals(Self.inputs * Self.outputs)
  }

  /// `Σ x xᵀ / count`, 1 % of the mean of its diagonal added to it.
  static func dampedMoments(of sample: RowSample) -> [Double] {
    let rows = sample.floats(0..<sample.rows)
    var moments = [Double](repeating: 0, count: inputs * inputs)
    for start in stride(from: 0, to: rows.count, by: inputs) {
      for row in 0..<inputs {
        let number = Double(rows[start + row]) / Double(sample.rows)
        for column in 0..<inputs {
          moments[row * inputs + column] += number * Double(rows[start + column])
        }
      }
    }
    var trace = 0.0
    for input in 0..<inputs { trace += moments[input * (inputs + 1)] }
    for input in 0..<inputs {
      moments[input * (inputs + 1)] += 0.01 * trace / Double(inputs)
    }
    return moments
  }
}
