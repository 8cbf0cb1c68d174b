import MartletModel

/// Working memory of regions: per thread for splits by rows and for patches; vectors of the gate.
@safe
final class Scratch {
  /// Two float tiles, quantized rows with their scales and zero points, patches, rows of a rolling map.
  @unsafe
  struct Block {
    var tiles: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
    var codes: UnsafeMutablePointer<UInt8>
    var scales: UnsafeMutablePointer<Float>
    var zeros: UnsafeMutablePointer<Int32>
    var patches: UnsafeMutablePointer<Float>
    var ring: UnsafeMutablePointer<Float>

    /// The parts of `size`, one after another from `offset` on.
    init(_ memory: AlignedMemory, at offset: Int, _ size: ScratchSize) {
      precondition(offset >= 0 && offset + size.byteCount <= memory.byteCount)
      let parts = size.parts
      var starts: [UnsafeMutableRawPointer] = unsafe []
      var next = unsafe memory.base + offset
      for part in parts {
        unsafe starts.append(next)
        unsafe next += part
      }
      // SAFETY: consecutive parts of the checked range; each is used as one type only.
      unsafe tiles = (
        starts[0].assumingMemoryBound(to: Float.self), starts[1].assumingMemoryBound(to: Float.self)
      )
      unsafe codes = starts[2].assumingMemoryBound(to: UInt8.self)
      unsafe scales = starts[3].assumingMemoryBound(to: Float.self)
      unsafe zeros = starts[4].assumingMemoryBound(to: Int32.self)
      unsafe patches = starts[5].assumingMemoryBound(to: Float.self)
      unsafe ring = starts[6].assumingMemoryBound(to: Float.self)
    }
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

  init(schedule: Schedule, threads: Int) throws(RuntimeError) {
    let size = schedule.threadScratch
    memory = try AlignedMemory(byteCount: threads * size.byteCount, use: .whole)
    gateChannels = schedule.gateChannels
    gateMemory = try AlignedMemory(byteCount: 3 * 4 * gateChannels)
    var blocks: [Block] = unsafe []
    for thread in 0..<threads {
      unsafe blocks.append(Block(memory, at: thread * size.byteCount, size))
    }
    unsafe self.blocks = blocks
  }

  var byteCount: Int { memory.byteCount + gateMemory.byteCount }

  func block(ofThread thread: Int) -> Block { unsafe blocks[thread] }
  var gate: Gate {
    // SAFETY: three vectors of `gateChannels` floats.
    unsafe Gate(
      mean: gateMemory.floats(at: 0), reduced: gateMemory.floats(at: 4 * gateChannels),
      gate: gateMemory.floats(at: 8 * gateChannels))
  }
}
