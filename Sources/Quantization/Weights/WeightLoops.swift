// The inner loops of weight encoding, one panel of 16 outputs at a time. The module's file with pointers.
//
// Rounding adds and takes away 1.5 · 2²³: for |x| < 2²² that leaves the nearest integer, ties to even, in one addition
// that every machine has as a vector, and the low bits of the sum are the integer itself.

import MartletBytes
import MartletModel

/// 1.5 · 2²³
private let rounder: Float = 12_582_912
private let rounderBits: Int32 = 0x4B40_0000

/// One panel of an encoded matrix: 16 outputs, the last of them perhaps padding.
struct EncodedPanel {
  var codes: [UInt8]
  /// Scales as they are stored.
  var scales: [UInt8]
  /// What a zero point of one adds: sums of codes for int8 (exact in f64), of scale · code for int4.
  var offsets: [Double]
  /// `Σ (w − ŵ) · mean(x)` per output where means were given, else empty.
  var meanError: [Double] = []
}

extension ThreadPool? {
  /// `(0..<count).map(body)`, shared between threads; in place without a pool.
  func map<Result>(_ count: Int, _ body: (Int) -> Result) -> [Result] {
    guard let self else { return (0..<count).map(body) }
    return unsafe [Result](unsafeUninitializedCapacity: count) { results, filled in
      self.parallelFor(count) { index, _ in
        // SAFETY: every index is visited once, so each place is initialized once.
        unsafe results.initializeElement(at: index, to: body(index))
      }
      filled = count
    }
  }
}

// MARK: 8 bits

extension EncodedPanel {
  /// Rows of an int8 matrix. Equal, bit for bit, to `Int8Weights.quantized` on each row.
  ///
  /// - Parameter weights: `[outputs in the panel, inputs]`.
  static func int8(
    _ weights: ArraySlice<Float>, inputs: Int, means: [Double], isShort: Bool = false
  ) -> EncodedPanel {
    let outputs = weights.count / inputs
    var codes = [UInt8](repeating: 0, count: (inputs + 3) / 4 * 4 * WeightEncoding.panel)
    var scales = [Float](repeating: 0, count: WeightEncoding.panel)
    var offsets = [Double](repeating: 0, count: WeightEncoding.panel)
    var meanError: [Double] = []
    unsafe codes.withUnsafeMutableBytes { codes in
      unsafe weights.withUnsafeBytes { bytes in
        for output in 0..<outputs {
          let start = 4 * output * inputs
          let row = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<(start + 4 * inputs)])
          let column = unsafe UnsafeMutableRawBufferPointer(rebasing: codes[(4 * output)...])
          let first = weights.startIndex + output * inputs
          let (scale, sum) =
            isShort
            ? unsafe encodeShort(weights[first..<first + inputs], into: column)
            : unsafe encode8(row, into: column)
          scales[output] = scale
          offsets[output] = Double(sum)
          guard !means.isEmpty else { continue }
          var error = 0.0
          for input in 0..<inputs {
            let code = unsafe Int8(bitPattern: column[input / 4 * 64 + input % 4])
            let value = Double(weights[first + input])
            error += (value - Double(scale) * Double(code)) * means[input]
          }
          meanError.append(error)
        }
      }
    }
    return EncodedPanel(
      codes: codes, scales: PanelPacking.bytes(scales), offsets: offsets, meanError: meanError)
  }

  /// As `encode8`, with short sums.
  private static func encodeShort(
    _ row: ArraySlice<Float>, into codes: UnsafeMutableRawBufferPointer
  ) -> (scale: Float, sum: Int32) {
    let (scale, found) = Int8Weights.quantized(row, isShort: true)
    var sum: Int32 = 0
    for (input, code) in found.enumerated() {
      unsafe codes[input / 4 * 64 + input % 4] = UInt8(bitPattern: code)
      sum += Int32(code)
    }
    return (scale, sum)
  }

  /// - Parameter codes: where the row's codes go, four in every line of 64 bytes; zeroed.
  private static func encode8(
    _ row: UnsafeRawBufferPointer, into codes: UnsafeMutableRawBufferPointer
  ) -> (scale: Float, sum: Int32) {
    let inputs = row.count / 4
    let scale = unsafe largest(row) / 127
    // Below this the reciprocal overflows; such a row is zero for every purpose.
    guard scale > 1e-37 else { return (1, 0) }
    var sums = SIMD4<Int32>.zero
    for block in 0..<(inputs / 4) {
      // SAFETY: four numbers of the row, and four bytes of a line.
      let values = unsafe row.loadUnaligned(fromByteOffset: 16 * block, as: SIMD4<Float>.self)
      let rounded = unsafe unsafeBitCast(values / scale + rounder, to: SIMD4<Int32>.self)
      let integers = rounded &- rounderBits
      sums &+= integers
      let bytes = SIMD4<UInt8>(truncatingIfNeeded: integers)
      unsafe codes.storeBytes(
        of: unsafeBitCast(bytes, to: UInt32.self), toByteOffset: 64 * block, as: UInt32.self)
    }
    var sum = sums.wrappedSum()
    for input in (inputs / 4 * 4)..<inputs {
      let value = unsafe row.loadUnaligned(fromByteOffset: 4 * input, as: Float.self)
      let integer = Int32(bitPattern: (value / scale + rounder).bitPattern) &- rounderBits
      sum &+= integer
      unsafe codes[input / 4 * 64 + input % 4] = UInt8(truncatingIfNeeded: integer)
    }
    return (scale, sum)
  }

  /// `max |w|`; finite numbers compare like the integers of their bits without the sign.
  private static func largest(_ row: UnsafeRawBufferPointer) -> Float {
    let count = row.count / 4
    var sizes = SIMD8<Int32>.zero
    for block in 0..<(count / 8) {
      // SAFETY: eight numbers of the row.
      let bits = unsafe row.loadUnaligned(fromByteOffset: 32 * block, as: SIMD8<Int32>.self)
      let found = bits & 0x7FFF_FFFF
      sizes.replace(with: found, where: found .> sizes)
    }
    var largest = sizes.max()
    for index in (count / 8 * 8)..<count {
      let bits = unsafe row.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)
      largest = max(largest, bits & 0x7FFF_FFFF)
    }
    return Float(bitPattern: UInt32(bitPattern: largest))
  }
}

// MARK: 4 bits

extension EncodedPanel {
  /// Outputs side by side in the lanes of vectors: half a panel.
  private typealias Lanes = SIMD8<Float>

  /// Rows of an int4 matrix. Equal, bit for bit, to `Int4Weights.quantized` on each group: lanes do not mix, and every
  /// sum runs over the inputs in their order.
  ///
  /// - Parameter weights: `[outputs in the panel, inputs]`.
  static func int4(_ weights: ArraySlice<Float>, inputs: Int, means: [Double]) -> EncodedPanel {
    let outputs = weights.count / inputs
    let (panel, size) = (WeightEncoding.panel, WeightEncoding.group)
    let groups = (inputs + size - 1) / size
    // Code 0 is stored as 8, in both nibbles.
    var codes = [UInt8](repeating: 0x88, count: groups * panel * size / 2)
    var scales = [Float16](repeating: 0, count: groups * panel)
    var offsets = [Double](repeating: 0, count: panel)
    var meanError = [Double](repeating: 0, count: means.isEmpty ? 0 : outputs)
    var block = [Lanes](repeating: .zero, count: size)
    for first in stride(from: 0, to: outputs, by: Lanes.scalarCount) {
      let lanes = min(Lanes.scalarCount, outputs - first)
      for group in 0..<groups {
        let range = group * size..<min(inputs, (group + 1) * size)
        let start = weights.startIndex + first * inputs
        unsafe weights.withUnsafeBufferPointer { weights in
          unsafe load(weights, row: first, lanes: lanes, inputs: inputs, range, into: &block)
        }
        let scale = bestScale(block)
        let sum = quantize(&block, scale: scale)
        store(block, lanes: lanes, at: group * panel * size / 2 + 4 * first, in: &codes)
        for lane in 0..<lanes {
          scales[group * panel + first + lane] = Float16(scale[lane])
          offsets[first + lane] += Double(scale[lane]) * Double(sum[lane])
        }
        guard !means.isEmpty else { continue }
        for lane in 0..<lanes {
          for (index, input) in range.enumerated() {
            let value = Double(weights[start + lane * inputs + input])
            let error = value - Double(scale[lane]) * Double(block[index][lane])
            meanError[first + lane] += error * means[input]
          }
        }
      }
    }
    return EncodedPanel(
      codes: codes, scales: PanelPacking.bytes(scales), offsets: offsets, meanError: meanError)
  }

  /// Puts the inputs of a group side by side for eight outputs, zeros beyond the matrix.
  private static func load(
    _ weights: UnsafeBufferPointer<Float>, row: Int, lanes: Int, inputs: Int, _ range: Range<Int>,
    into block: inout [Lanes]
  ) {
    for index in block.indices { block[index] = .zero }
    unsafe block.withUnsafeMutableBytes { block in
      for lane in 0..<lanes {
        let start = (row + lane) * inputs + range.lowerBound
        for index in 0..<range.count {
          // SAFETY: a vector of eight floats for each index below 32; the weight lies in its row.
          unsafe block.storeBytes(
            of: weights[start + index],
            toByteOffset: index * MemoryLayout<Lanes>.stride + 4 * lane, as: Float.self)
        }
      }
    }
  }

  /// `w · reciprocal` rounded, within −8…7.
  @inline(__always)
  private static func rounded(_ weights: Lanes, _ reciprocal: Lanes) -> Lanes {
    var codes = (weights * reciprocal + rounder) - rounder
    codes.replace(with: -8, where: codes .< -8)
    codes.replace(with: 7, where: codes .> 7)
    return codes
  }

  /// The scale that `Int4Weights.quantized` finds, 0 where no code helps.
  private static func bestScale(_ block: [Lanes]) -> Lanes {
    var (extreme, size, error) = (Lanes.zero, Lanes.zero, Lanes.zero)
    for weights in block {
      let sizes = magnitude(weights)
      let isLarger = sizes .> size
      extreme.replace(with: weights, where: isLarger)
      size.replace(with: sizes, where: isLarger)
      error += weights * weights
    }
    let isEncoded = size .> 1e-37
    var best = wholeScale(block, extreme, isEncoded)
    error.replace(with: 0, where: best .!= 0)
    for landing in Int4Weights.landings {
      let first = 1 / (extreme / landing)
      var (squares, product) = (Lanes.zero, Lanes.zero)
      for weights in block {
        let codes = rounded(weights, first)
        squares += codes * codes
        product += weights * codes
      }
      let fitted = halves(product / squares)
      let reciprocal = 1 / fitted
      var found = Lanes.zero
      for weights in block {
        let difference = weights - rounded(weights, reciprocal) * fitted
        found += difference * difference
      }
      let isUsable = isEncoded .& (squares .> 0) .& (magnitude(fitted) .> 0)
      let isBetter = isUsable .& (found .< error)
      best.replace(with: fitted, where: isBetter)
      error.replace(with: found, where: isBetter)
    }
    return best
  }

  /// The scale of groups that are codes under a scale of f16 already; 0 for all others.
  ///
  /// Costs little: of other weights hardly a second one is a multiple of a scale.
  private static func wholeScale(
    _ block: [Lanes], _ extreme: Lanes, _ isEncoded: SIMDMask<Lanes.MaskStorage>
  ) -> Lanes {
    var best = Lanes.zero
    for landing in Int4Weights.wholeLandings {
      let scale = extreme / landing
      let reciprocal = 1 / scale
      var isWhole = isEncoded .& (best .== 0)
      for weights in block {
        isWhole .&= rounded(weights, reciprocal) * scale .== weights
        if !any(isWhole) { break }
      }
      if any(isWhole) {
        best.replace(with: scale, where: isWhole .& (halves(scale) .== scale))
      }
    }
    return best
  }

  /// Turns weights into codes; their sums.
  private static func quantize(_ block: inout [Lanes], scale: Lanes) -> Lanes {
    let reciprocal = 1 / scale
    let isZero = scale .== 0
    var sum = Lanes.zero
    for index in block.indices {
      var codes = rounded(block[index], reciprocal)
      codes.replace(with: 0, where: isZero)
      block[index] = codes
      sum += codes
    }
    return sum
  }

  @inline(__always)
  private static func magnitude(_ values: Lanes) -> Lanes {
    // SAFETY: both are eight numbers of 32 bits.
    let bits = unsafe unsafeBitCast(values, to: SIMD8<UInt32>.self) & 0x7FFF_FFFF
    return unsafe unsafeBitCast(bits, to: Lanes.self)
  }

  /// Each lane rounded to f16; what f16 cannot hold becomes 0, which is not used.
  private static func halves(_ values: Lanes) -> Lanes {
    var rounded = Lanes.zero
    for lane in 0..<Lanes.scalarCount {
      let half = Float16(values[lane])
      if half.isFinite { rounded[lane] = Float(half) }
    }
    return rounded
  }

  /// Writes 32 codes of eight outputs as nibbles, four bytes an output in each of four lines of 64.
  private static func store(
    _ block: [Lanes], lanes: Int, at start: Int, in codes: inout [UInt8]
  ) {
    for line in 0..<4 {
      var word = SIMD8<UInt32>.zero
      for byte in 0..<4 {
        let (low, high) = (nibbles(block[4 * line + byte]), nibbles(block[16 + 4 * line + byte]))
        word |= (low | high &<< 4) &<< UInt32(8 * byte)
      }
      for lane in 0..<lanes {
        for byte in 0..<4 {
          codes[start + 64 * line + 4 * lane + byte] = UInt8(
            truncatingIfNeeded: word[lane] &>> UInt32(8 * byte))
        }
      }
    }
  }

  /// code + 8
  @inline(__always)
  private static func nibbles(_ codes: Lanes) -> SIMD8<UInt32> {
    // SAFETY: both are eight numbers of 32 bits.
    unsafe unsafeBitCast(codes + (rounder + 8), to: SIMD8<UInt32>.self) & 0xF
  }
}
