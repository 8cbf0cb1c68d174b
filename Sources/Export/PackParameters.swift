import MartletBytes
import MartletCheckpoints
import MartletModel
import MartletPack

/// The numbers of a pack as floats again, or as blocks of llama.cpp where its codes are the pack's.
///
/// The module's file with pointers. Layouts are those of `WeightEncoding`.
package final class PackParameters: ExportedParameters {
  private let weights: LoadedWeights
  private static let panel = WeightEncoding.panel
  private static let group = WeightEncoding.group

  /// Checks and unpacks the weights of some networks.
  /// - Throws: what `LoadedWeights` throws.
  package init(
    _ pack: Pack, roles: [NetworkRole]? = nil, pool: ThreadPool
  ) throws(ExportError) {
    do throws(PackError) {
      weights = try LoadedWeights(pack, roles: roles, pool: pool)
    } catch { throw .pack(error) }
  }

  package func storedEncoding(_ name: String) -> WeightEncoding? { weights[name]?.encoding }

  private func parameter(_ name: String) throws(ModelError) -> LoadedParameter {
    guard let parameter = weights[name] else {
      throw .parameterUnavailable(name: name, reason: "no such parameter")
    }
    return parameter
  }

  package func values(of name: String) throws(ModelError) -> [Float] {
    let parameter = try parameter(name)
    return try values(of: name, elements: 0..<parameter.shape.reduce(1, *))
  }

  package func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float] {
    let parameter = try parameter(name)
    let width = max(1, parameter.shape.reduce(1, *) / max(1, parameter.shape[0]))
    if elements.isEmpty { return [] }
    var values: [Float] = []
    values.reserveCapacity(elements.count)
    for row in elements.lowerBound / width...(elements.upperBound - 1) / width {
      let part = elements.clamped(to: row * width..<(row + 1) * width)
      for column in part.lowerBound - row * width..<part.upperBound - row * width {
        values.append(value(parameter, row, column, width: width))
      }
    }
    return values
  }

  /// One number of a parameter seen as a matrix `[outputs, width]`.
  private func value(
    _ parameter: LoadedParameter, _ row: Int, _ column: Int, width: Int
  ) -> Float {
    let (panel, lane) = (row / Self.panel, row % Self.panel)
    switch parameter.encoding {
    // SAFETY: sizes of components were compared with the shape when the pack was opened, and row and column lie within it.
    case .float32: return unsafe float(parameter.bytes(.codes), row * width + column)
    case .float32Taps:
      return unsafe float(parameter.bytes(.codes), column * parameter.shape[0] + row)
    case .float32Panels:
      let index = (panel * width + column) * Self.panel + lane
      return unsafe float(parameter.bytes(.codes), index)
    case .float32Patches:
      // `[channels, k, k]` in the shape, `[k, k, channels]` in the panel.
      let (channels, taps) = (parameter.shape[1], parameter.shape[2] * parameter.shape[3])
      let input = column % taps * channels + column / taps
      return unsafe float(
        parameter.bytes(.codes), (panel * width + input) * Self.panel + lane)
    case .int8Panels:
      let blocks = (width + 3) / 4
      let index = ((panel * blocks + column / 4) * Self.panel + lane) * 4 + column % 4
      let code = unsafe parameter.bytes(.codes).load(fromByteOffset: index, as: Int8.self)
      return unsafe Float(code) * float(parameter.bytes(.scales), row)
    case .int4Panels:
      let group = column / Self.group
      let groups = (width + Self.group - 1) / Self.group
      let inner = column % Self.group
      let byte = self.byte(parameter, panel * groups + group, lane, inner % 16)
      let code = Int(inner < 16 ? byte & 15 : byte >> 4) - 8
      return unsafe Float(code)
        * FloatConversion.widened(
          float16: half(parameter.bytes(.scales), (panel * groups + group) * Self.panel + lane))
    }
  }

  /// Byte `index` of 16 of a group of one output: its low nibble is input `index`, its high one input `16 + index`.
  private func byte(
    _ parameter: LoadedParameter, _ block: Int, _ lane: Int, _ index: Int
  ) -> UInt8 {
    let place = ((block * 4 + index / 4) * Self.panel + lane) * 4 + index % 4
    // SAFETY: as in `value`.
    return unsafe parameter.bytes(.codes).load(fromByteOffset: place, as: UInt8.self)
  }

  private func float(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
    // SAFETY: as in `value`.
    Float(
      bitPattern: UInt32(
        littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
  }

  private func half(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt16 {
    // SAFETY: as in `value`.
    UInt16(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
  }

  /// 4-bit groups are Q4_0 blocks, bit for bit; nothing else passes unchanged.
  package func blocks(
    of name: String, rows: Range<Int>, as type: GGUFDeclaration.StoredType
  ) throws(ModelError) -> [UInt8]? {
    let parameter = try parameter(name)
    guard parameter.shape.count == 2, parameter.shape[1] % Self.group == 0 else { return nil }
    let groups = parameter.shape[1] / Self.group
    var bytes: [UInt8] = []
    switch (parameter.encoding, type) {
    case (.int4Panels, .q4):
      bytes.reserveCapacity(rows.count * groups * 18)
      for row in rows {
        let (panel, lane) = (row / Self.panel, row % Self.panel)
        for block in panel * groups..<(panel + 1) * groups {
          let scale = unsafe half(parameter.bytes(.scales), block * Self.panel + lane)
          bytes.append(UInt8(truncatingIfNeeded: scale))
          bytes.append(UInt8(truncatingIfNeeded: scale >> 8))
          for index in 0..<16 { bytes.append(byte(parameter, block, lane, index)) }
        }
      }
      return bytes
    default: return nil
    }
  }
}
