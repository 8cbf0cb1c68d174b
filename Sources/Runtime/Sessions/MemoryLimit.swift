import MartletBytes
import MartletPack

/// The most memory that this process may hold, mapped weights included.
///
/// What was unpacked and what is computed with must fit. Mapped weights need not: their pages are let go between regions
/// where they would not fit, and read again, which costs time. One tensor at least must be there whole.
package struct MemoryLimit: Equatable, Sendable {
  package var bytes: Int

  package init(bytes: Int) { self.bytes = bytes }

  /// Held besides what is counted: stacks, small blocks, pages of the program.
  static let reserve = 4 << 20

  /// Refuses what cannot fit beside what the process holds already.
  ///
  /// - Parameter workingBytes: memory that will be touched besides the weights.
  /// - Throws: `memoryLimit`.
  package func demand(
    _ weights: LoadedWeights.Need, workingBytes: Int = 0
  ) throws(RuntimeError) {
    let needed =
      Machine.residentBytes + weights.arenaBytes + weights.largestMappedBytes + workingBytes
      + Self.reserve
    if needed > bytes {
      throw .memoryLimit(limit: bytes, needed: needed, unpacked: weights.arenaBytes)
    }
  }

  /// What the process may hold after a region so that the next one's weights fit, or `nil` where none are mapped.
  func residentLimit(_ weights: WeightTable?) -> Int? {
    guard let largest = weights?.largestMappedBytes, largest > 0 else { return nil }
    return bytes - largest - Self.reserve
  }

  /// What `made` makes with the largest tiles and parts of prompts that fit beside what the process holds already.
  ///
  /// - Parameter largestMapped: what one mapped tensor takes at most.
  /// - Parameter made: makes something with some options, and tells the memory that it will touch.
  /// - Throws: `memoryLimit` where the smallest tiles take too much.
  package func fitting<T>(
    _ options: RunOptions, largestMapped: Int,
    _ made: (RunOptions) throws(RuntimeError) -> (T, bytes: Int)
  ) throws(RuntimeError) -> T {
    var options = options
    // Mapped weights were let go when they were checked.
    let held = Machine.residentBytes
    var least = 0
    for shrink in 0...RunOptions.mostShrink {
      options.shrink = shrink
      let (value, working) = try made(options)
      least = held + working + largestMapped + Self.reserve
      if least <= bytes { return value }
    }
    throw .memoryLimit(limit: bytes, needed: least, unpacked: 0)
  }
}
