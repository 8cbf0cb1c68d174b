import Foundation
import MartletModel

/// Resizes with any of the usual filters, rows first and bytes in between, as Pillow does; the filters without antialiasing
/// as torch's `interpolate` with half-pixel centers does.
struct FilteredResize {
  private let filter: PreprocessingVariant.Filter

  init(_ filter: PreprocessingVariant.Filter) { self.filter = filter }

  private struct Taps {
    var first: Int
    var weights: [Double]
  }

  func pixels(_ picture: Pixels, width: Int, height: Int) -> Pixels {
    let across = taps(from: picture.width, to: width)
    let down = taps(from: picture.height, to: height)
    var rows = [UInt8](repeating: 0, count: picture.height * width * 3)
    for row in 0..<picture.height {
      for (column, tap) in across.enumerated() {
        for channel in 0..<3 {
          var sum = 0.0
          for (index, weight) in tap.weights.enumerated() {
            let at = min(picture.width - 1, max(0, tap.first + index))
            sum += weight * Double(picture.bytes[(row * picture.width + at) * 3 + channel])
          }
          rows[(row * width + column) * 3 + channel] = Self.byte(sum)
        }
      }
    }
    var bytes = [UInt8](repeating: 0, count: height * width * 3)
    for (row, tap) in down.enumerated() {
      for column in 0..<width * 3 {
        var sum = 0.0
        for (index, weight) in tap.weights.enumerated() {
          let at = min(picture.height - 1, max(0, tap.first + index))
          sum += weight * Double(rows[at * width * 3 + column])
        }
        bytes[row * width * 3 + column] = Self.byte(sum)
      }
    }
    return Pixels(height: height, width: width, bytes: bytes)
  }

  private static func byte(_ value: Double) -> UInt8 {
    UInt8(min(255, max(0, value.rounded())))
  }

  private func taps(from input: Int, to output: Int) -> [Taps] {
    let scale = Double(input) / Double(output)
    return (0..<output).map { index in
      let center = (Double(index) + 0.5) * scale
      switch filter {
      case .nearest: return Taps(first: min(input - 1, Int(center)), weights: [1])
      case .bilinearPlain:
        // Beyond the border the outermost pixel goes on: `pixels` clamps the places.
        let first = Int((center - 0.5).rounded(.down))
        let share = center - 0.5 - Double(first)
        return Taps(first: first, weights: [1 - share, share])
      case .bicubicPlain:
        let first = Int((center - 0.5).rounded(.down))
        let share = center - 0.5 - Double(first)
        return Taps(
          first: first - 1,
          weights: (-1...2).map { Self.cubic(Double($0) - share, a: -0.75) })
      case .bicubic: return antialiased(center, scale, input, 2) { Self.cubic($0, a: -0.5) }
      case .bilinear: return antialiased(center, scale, input, 1) { max(0, 1 - abs($0)) }
      case .box:
        return antialiased(center, scale, input, 0.5) { $0 > -0.5 && $0 <= 0.5 ? 1 : 0 }
      case .lanczos: return antialiased(center, scale, input, 3, Self.lanczos)
      }
    }
  }

  /// Pillow's `precompute_coeffs`: only pixels inside count, and the weights sum to one.
  private func antialiased(
    _ center: Double, _ scale: Double, _ input: Int, _ radius: Double,
    _ kernel: (Double) -> Double
  ) -> Taps {
    let stretch = max(scale, 1)
    let support = radius * stretch
    let first = max(Int(center - support + 0.5), 0)
    let end = min(Int(center + support + 0.5), input)
    var weights = (first..<max(first + 1, end)).map {
      kernel((Double($0) - center + 0.5) / stretch)
    }
    let sum = weights.reduce(0, +)
    if sum != 0 { weights = weights.map { $0 / sum } }
    return Taps(first: first, weights: weights)
  }

  /// Keys' cubic.
  private static func cubic(_ position: Double, a: Double) -> Double {
    let x = abs(position)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }

  private static func lanczos(_ x: Double) -> Double {
    func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(.pi * x) / (.pi * x) }
    return abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0
  }
}
