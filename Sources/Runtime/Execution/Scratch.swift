import MartletModel

/// Working memory of tile regions: per thread for splits by rows, shared for splits by outputs.
@safe
final class Scratch {
  /// Two float tiles, quantized rows with their scales and zero points, patches.
  @unsafe
  struct Block {
    var tiles: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
    var codes: UnsafeMutablePointer<UInt8>
    var scales: UnsafeMutablePointer<Float>
    var zeros: UnsafeMutablePointer<Int32>
    var patches: UnsafeMutablePointer<Float>
  }

  /// Vectors of the squeeze-excite gate.
  @unsafe
  struct Gate {
    var mean: UnsafeMutablePointer<Float>
    var reduced: UnsafeMutablePointer<Float>
    var gate: UnsafeMutablePointer<Float>
  }

  private let memory: AlignedMemory
  private let gateMemory: AlignedMemory
  private let gateChannels: Int
  // SAFETY: pointers into `memory`.
  private let blocks: [Block]
  /// Patches are gathered this many pixels at a time.
  static let patchRows = 96

  init(size: ScratchSize, threads: Int) throws(RuntimeError) {
    let perThread = Sizes(
      rows: size.tileRows, width: size.tileWidth, inputs: size.tileInputs,
      patchWidth: size.patchWidth)
    let shared = Sizes(
      rows: size.sharedRows, width: size.sharedWidth, inputs: size.sharedInputs, patchWidth: 0)
    memory = try AlignedMemory(
      byteCount: threads * perThread.total + shared.total, use: .whole)
    gateChannels = size.gateChannels
    gateMemory = try AlignedMemory(byteCount: 3 * 4 * size.gateChannels)
    var blocks: [Block] = unsafe []
    for thread in 0..<threads {
      unsafe blocks.append(Self.block(memory, at: thread * perThread.total, perThread))
    }
    unsafe blocks.append(Self.block(memory, at: threads * perThread.total, shared))
    unsafe self.blocks = blocks
  }

  func block(ofThread thread: Int) -> Block { unsafe blocks[thread] }
  var gate: Gate {
    // SAFETY: three vectors of `gateChannels` floats.
    unsafe Gate(
      mean: gateMemory.floats(at: 0), reduced: gateMemory.floats(at: 4 * gateChannels),
      gate: gateMemory.floats(at: 8 * gateChannels))
  }
  var shared: Block { unsafe blocks[blocks.count - 1] }

  /// Bytes of the parts of a block, each on its own cache lines.
  private struct Sizes {
    var tile: Int
    var codes: Int
    var perRow: Int
    var patches: Int
    var total: Int { 2 * tile + codes + 2 * perRow + patches }

    init(rows: Int, width: Int, inputs: Int, patchWidth: Int) {
      let group = WeightEncoding.group
      tile = ArenaLayout.aligned(4 * rows * width)
      codes = ArenaLayout.aligned(rows * ((inputs + group - 1) / group * group))
      perRow = ArenaLayout.aligned(4 * rows)
      patches = ArenaLayout.aligned(4 * Scratch.patchRows * patchWidth)
    }
  }

  private static func block(_ memory: AlignedMemory, at offset: Int, _ sizes: Sizes) -> Block {
    let base = unsafe memory.base + offset
    let codes = unsafe base + 2 * sizes.tile
    let scales = unsafe codes + sizes.codes
    let zeros = unsafe scales + sizes.perRow
    let patches = unsafe zeros + sizes.perRow
    // SAFETY: consecutive parts of the block of `sizes.total` bytes at `offset`.
    return unsafe Block(
      tiles: (
        base.assumingMemoryBound(to: Float.self),
        (base + sizes.tile).assumingMemoryBound(to: Float.self)
      ),
      codes: codes.assumingMemoryBound(to: UInt8.self),
      scales: scales.assumingMemoryBound(to: Float.self),
      zeros: zeros.assumingMemoryBound(to: Int32.self),
      patches: patches.assumingMemoryBound(to: Float.self))
  }
}
