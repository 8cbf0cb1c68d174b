/// How GGUF stores the numbers of a tensor (`enum ggml_type` of ggml.h).
enum GGUFTensorType: Equatable, Sendable {
  /// Elements that stand by themselves.
  case plain(ElementType)
  /// Blocks of floats that share scales.
  case blocks(Blocks)

  enum Blocks: String, CaseIterable, Equatable, Sendable {
    /// 32 codes of 4 bits and a scale.
    case q40 = "Q4_0"
    /// 32 codes of 4 bits, a scale and an offset.
    case q41 = "Q4_1"
    /// 32 codes of 5 bits and a scale.
    case q50 = "Q5_0"
    /// 32 codes of 5 bits, a scale and an offset.
    case q51 = "Q5_1"
    /// 32 codes of 8 bits and a scale.
    case q80 = "Q8_0"
    /// 256 codes of 4 bits, in parts of 32 with their own scale and offset.
    case q4K = "Q4_K"
    /// 256 codes of 5 bits, in parts of 32 with their own scale and offset.
    case q5K = "Q5_K"
    /// 256 codes of 6 bits, in parts of 16 with their own scale.
    case q6K = "Q6_K"

    var elements: Int {
      switch self {
      case .q40, .q41, .q50, .q51, .q80: 32
      case .q4K, .q5K, .q6K: 256
      }
    }

    /// Bytes of one block.
    var byteCount: Int {
      switch self {
      case .q40: 18
      case .q41: 20
      case .q50: 22
      case .q51: 24
      case .q80: 34
      case .q4K: 144
      case .q5K: 176
      case .q6K: 210
      }
    }
  }

  private static let numbers: [(number: UInt32, type: GGUFTensorType)] = [
    (0, .plain(.float32)), (1, .plain(.float16)), (2, .blocks(.q40)), (3, .blocks(.q41)),
    (6, .blocks(.q50)), (7, .blocks(.q51)), (8, .blocks(.q80)), (12, .blocks(.q4K)),
    (13, .blocks(.q5K)), (14, .blocks(.q6K)), (24, .plain(.int8)), (25, .plain(.int16)),
    (26, .plain(.int32)), (27, .plain(.int64)), (28, .plain(.float64)), (30, .plain(.bfloat16)),
  ]

  init?(number: UInt32) {
    guard let found = Self.numbers.first(where: { $0.number == number })?.type else { return nil }
    self = found
  }

  /// The number that stands for this type in a file.
  var number: UInt32 {
    guard let number = Self.numbers.first(where: { $0.type == self })?.number else {
      preconditionFailure("only types that GGUF has are written")
    }
    return number
  }

  /// The name of a type that is not read.
  static func name(_ number: UInt32) -> String {
    let names: [UInt32: String] = [
      9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
      19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 34: "TQ1_0",
      35: "TQ2_0", 39: "MXFP4",
    ]
    return names[number] ?? "ggml type \(number)"
  }

  var name: String {
    switch self {
    case .plain(let type): type.rawValue
    case .blocks(let blocks): blocks.rawValue
    }
  }

  /// Elements that are stored together, along the last extent.
  var blockElements: Int {
    switch self {
    case .plain: 1
    case .blocks(let blocks): blocks.elements
    }
  }

  /// The bytes of a tensor whose last extent is a multiple of `blockElements`, or `nil` when no size can hold them, or
  /// its elements as floats.
  func byteCount(shape: [Int]) -> Int? {
    switch self {
    case .plain(let type): return type.byteCount(shape: shape)
    case .blocks(let blocks):
      guard let width = shape.last, ElementType.float32.byteCount(shape: shape) != nil else {
        return nil
      }
      var bytes = blocks.byteCount
      for extent in shape.dropLast() + [width / blocks.elements] {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
        if overflow { return nil }
        bytes = product
      }
      return bytes
    }
  }
}
