/// How the numbers of a parameter are stored in a pack, bytes of the pack being bytes of the runtime.
///
/// Panels group 16 outputs; K is the number of inputs. The last panel and the last input block are padded
/// with zeros, so kernels never need a tail in K.
package enum WeightEncoding: Hashable, Sendable {
  /// Little-endian f32, row-major in the parameter's shape.
  case float32
  /// Depthwise kernels, f32 `[kernel · kernel, outputs]`: one row of channels per tap.
  case float32Taps
  /// Dense convolutions as matrices over patches, f32 `[outputs / 16][kernel row][kernel column][input channel][16]`.
  case float32Patches
  /// Matrices, f32 `[outputs / 16][K][16]`.
  case float32Panels
  /// Matrices, int8 in −127…127, one scale an output: codes `[outputs / 16][K / 4][16][4]`.
  case int8Panels
  /// Matrices, codes −8…7 stored as code + 8 in nibbles, one f16 scale an output and group of `Self.group` inputs:
  /// `[outputs / 16][K / 32][4][16][4]` bytes, byte `[j][o][i]` holding input `4j + i` in its low nibble and
  /// input `16 + 4j + i` in its high nibble.
  case int4Panels

  /// Outputs in a panel.
  package static let panel = 16
  /// Inputs that share a scale in `int4Panels`.
  package static let group = 32
}

/// How a linear layer's input is brought to 8 bits before the product.
package enum ActivationEncoding: Equatable, Sendable {
  /// Not at all: the product runs in float.
  case float32
  /// Unsigned 8 bits with scale and zero point from each row's own range.
  case dynamic
  /// Unsigned 8 bits with one calibrated scale and zero point for all rows: `real = scale (q − zeroPoint)`.
  case fixed(scale: Float, zeroPoint: Int)
}

/// One stored part of an encoded parameter.
package enum WeightComponent: UInt8, Hashable, Sendable, CaseIterable {
  /// Codes, or the floats themselves.
  case codes = 0
  /// f32 per output (padded to whole panels), or f16 `[outputs / 16][K / 32][16]` for `int4Panels`.
  case scales = 1
  /// Per output, what a zero point of one adds to the product: i32 sums of codes for `int8Panels`, f32 sums of
  /// scale · code for `int4Panels`. Padded to whole panels.
  case offsets = 2
}

extension WeightEncoding {
  /// The stored parts of a parameter of this shape with their sizes in bytes; `nil` if a size overflows, an
  /// extent is not positive, or the encoding does not fit the shape.
  package func components(shape: [Int]) -> [(component: WeightComponent, byteCount: Int)]? {
    guard let count = checkedProduct(shape), count > 0 else { return nil }
    switch self {
    case .float32:
      guard let bytes = checkedProduct([count, 4]) else { return nil }
      return [(.codes, bytes)]
    case .float32Taps:
      guard shape.count == 4, shape[1] == 1, let bytes = checkedProduct([count, 4]) else {
        return nil
      }
      return [(.codes, bytes)]
    case .float32Patches:
      guard shape.count == 4, shape[0] <= Int.max - Self.panel,
        let inputs = checkedProduct([shape[1], shape[2], shape[3]])
      else { return nil }
      return panelComponents(
        panels: (shape[0] + Self.panel - 1) / Self.panel, inputs: inputs)
    case .float32Panels, .int8Panels, .int4Panels:
      guard shape.count == 2, shape[0] <= Int.max - Self.panel, shape[1] <= Int.max - Self.group
      else { return nil }
      return panelComponents(
        panels: (shape[0] + Self.panel - 1) / Self.panel, inputs: shape[1])
    }
  }

  private func panelComponents(
    panels: Int, inputs: Int
  ) -> [(component: WeightComponent, byteCount: Int)]? {
    let perOutput = checkedProduct([panels, Self.panel, 4])
    switch self {
    case .float32, .float32Taps: return nil
    case .float32Patches, .float32Panels:
      guard let codes = checkedProduct([panels, inputs, Self.panel, 4]) else { return nil }
      return [(.codes, codes)]
    case .int8Panels:
      let blocks = (inputs + 3) / 4
      guard let codes = checkedProduct([panels, blocks, Self.panel, 4]), let perOutput
      else { return nil }
      return [(.codes, codes), (.scales, perOutput), (.offsets, perOutput)]
    case .int4Panels:
      let groups = (inputs + Self.group - 1) / Self.group
      guard let codes = checkedProduct([panels, groups, Self.panel, Self.group / 2]),
        let scales = checkedProduct([panels, groups, Self.panel, 2]), let perOutput
      else { return nil }
      return [(.codes, codes), (.scales, scales), (.offsets, perOutput)]
    }
  }
}

/// The product, or `nil` on overflow or a negative factor.
package func checkedProduct(_ factors: [Int]) -> Int? {
  var product = 1
  for factor in factors {
    if factor < 0 { return nil }
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    if overflow { return nil }
    product = next
  }
  return product
}

/// The precision of every part of a model: what a scheme decided and a pack records.
package struct QuantizationPlan: Equatable, Sendable {
  /// Parameter name to encoding; every parameter of every network is listed.
  package var weights: [String: WeightEncoding]
  /// Linear layer name to input encoding; a layer not listed computes in float.
  package var activations: [String: ActivationEncoding]

  package init(weights: [String: WeightEncoding], activations: [String: ActivationEncoding]) {
    self.weights = weights
    self.activations = activations
  }
}

/// A parameter brought to its encoding.
package struct EncodedParameter: Sendable {
  package var name: String
  package var shape: [Int]
  package var encoding: WeightEncoding
  /// In the order of `WeightEncoding.components(shape:)`.
  package var components: [(component: WeightComponent, bytes: [UInt8])]

  package init(
    name: String, shape: [Int], encoding: WeightEncoding,
    components: [(component: WeightComponent, bytes: [UInt8])]
  ) {
    self.name = name
    self.shape = shape
    self.encoding = encoding
    self.components = components
  }
}

extension WeightEncoding {
  /// The encoding's name in messages and listings.
  package var name: String {
    switch self {
    case .float32: "float32"
    case .float32Taps: "float32Taps"
    case .float32Patches: "float32Patches"
    case .float32Panels: "float32Panels"
    case .int8Panels: "int8Panels"
    case .int4Panels: "int4Panels"
    }
  }
}
