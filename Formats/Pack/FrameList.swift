import MartletBytes
import MartletModel

/// One stored frame and where its bytes go.
struct FrameTask {
  var tensor: Int
  /// Position among the tensor's components.
  var component: Int
  var index: Int
  var storage: Storage
  /// Offset in the file.
  var offset: Int
  var storedBytes: Int
  var unpackedBytes: Int
  var checksum: UInt64
  /// Offset in the arena; `nil` for a frame that is used where it is mapped.
  var target: Int?
}

/// The frames of some tensors in file order: the work that threads share.
///
/// One of the module's files with pointers. Threads write only to their own frame's place in the arena and to its byte
/// of `faults`, so nothing is shared; the first faulty frame is then looked at again for its evidence.
struct FrameList {
  private(set) var tasks: [FrameTask] = []
  /// Where each component begins, in the order of `tensors` and their components: in the arena or in the file.
  private(set) var places: [Place] = []
  /// Size of the arena that the compressed frames unpack to.
  private(set) var arenaBytes = 0
  /// Size of the components that are used where they are mapped.
  private(set) var mappedBytes = 0
  private let tensors: [StoredTensor]
  /// Whether pages that were checked are let go at once.
  private let dropsPages: Bool

  enum Place {
    case arena(Int)
    case file(Int)
  }

  /// - Parameter tensors: positions in `pack.tensors`.
  init(_ pack: Pack, tensors indices: [Int], dropsPages: Bool = false) {
    tensors = pack.tensors
    self.dropsPages = dropsPages
    for index in indices {
      for (position, component) in pack.tensors[index].components.enumerated() {
        add(component, tensor: index, position: position, frameBytes: pack.frameBytes)
      }
    }
  }

  private mutating func add(
    _ stored: StoredComponent, tensor: Int, position: Int, frameBytes: Int
  ) {
    let byteCount = Int(stored.byteCount)
    var offset = Int(stored.offset)
    var target: Int?
    if stored.storage == .raw {
      places.append(.file(offset))
      mappedBytes += byteCount
    } else {
      places.append(.arena(arenaBytes))
      target = arenaBytes
      arenaBytes += (byteCount + 63) / 64 * 64
    }
    for (index, frame) in stored.frames.enumerated() {
      let start = index * frameBytes
      tasks.append(
        FrameTask(
          tensor: tensor, component: position, index: index, storage: stored.storage,
          offset: offset, storedBytes: Int(frame.storedBytes),
          unpackedBytes: min(frameBytes, byteCount - start), checksum: frame.checksum,
          target: target.map { $0 + start }))
      offset += Int(frame.storedBytes)
    }
  }

  /// From the first frame to the last, in the file; empty without frames.
  var extent: Range<Int> {
    let start = tasks.reduce(Int.max) { min($0, $1.offset) }
    let end = tasks.reduce(0) { max($0, $1.offset + $1.storedBytes) }
    return min(start, end)..<end
  }

  /// Checks the checksum of every frame.
  /// - Throws: `checksum` of the first damaged frame.
  func check(in file: MappedFile, pool: ThreadPool) throws(PackError) {
    // SAFETY: without an arena no frame is unpacked.
    try unsafe run(in: file, arena: nil, decoders: [], pool: pool)
  }

  /// Checks every frame and unpacks those that are compressed.
  /// - Parameter arena: at least `arenaBytes` bytes.
  /// - Throws: `checksum` or `frame` of the first frame that is damaged, `memory`.
  @unsafe func unpack(
    in file: MappedFile, arena: UnsafeMutableRawPointer, pool: ThreadPool
  ) throws(PackError) {
    var decoders: [FrameDecoder] = []
    for _ in 0..<pool.threads {
      guard let decoder = FrameDecoder() else { throw .memory(byteCount: arenaBytes) }
      decoders.append(decoder)
    }
    try unsafe run(in: file, arena: arena, decoders: decoders, pool: pool)
  }

  @unsafe private func run(
    in file: MappedFile, arena: UnsafeMutableRawPointer?, decoders: [FrameDecoder],
    pool: ThreadPool
  ) throws(PackError) {
    // A fault of the mapping reads little at a time, and threads wait for it.
    let reading = ReadingAhead(file, extent)
    defer { withExtendedLifetime(reading) {} }
    var faults = [Bool](repeating: false, count: tasks.count)
    unsafe faults.withUnsafeMutableBufferPointer { faults in
      // SAFETY: each index is visited once, so each element has one writer.
      nonisolated(unsafe) let faults = unsafe faults
      pool.parallelFor(tasks.count) { index, worker in
        let fault = unsafe fault(
          of: tasks[index], in: file, arena: arena,
          decoder: decoders.isEmpty ? nil : decoders[worker])
        if fault != nil { unsafe faults[index] = true }
        if dropsPages || tasks[index].target != nil { release(tasks[index], of: file) }
      }
    }
    guard let first = faults.firstIndex(of: true) else { return }
    if let fault = unsafe fault(
      of: tasks[first], in: file, arena: arena, decoder: decoders.first)
    {
      throw fault
    }
  }

  /// Lets go of a frame: the pages of one that was unpacked would otherwise count beside what was made of them.
  private func release(_ task: FrameTask, of file: MappedFile) {
    // A refusal changes only the memory that is held.
    do throws(BytesError) {
      try file.discard(task.offset..<task.offset + task.storedBytes)
    } catch {}
  }

  /// Handles one frame.
  @unsafe private func fault(
    of task: FrameTask, in file: MappedFile, arena: UnsafeMutableRawPointer?,
    decoder: FrameDecoder?
  ) -> PackError? {
    // SAFETY: the directory was checked, so the frame lies inside the file; `file` is alive.
    let stored = unsafe UnsafeRawBufferPointer(
      rebasing: file.unsafeBytes[task.offset..<task.offset + task.storedBytes])
    let checksum = unsafe XXH64.checksum(RawSpan(_unsafeBytes: stored))
    if checksum != task.checksum {
      return .checksum(
        part: part(of: task), offset: UInt64(task.offset), expected: task.checksum,
        found: checksum)
    }
    guard let target = task.target, let arena = unsafe arena, let decoder else { return nil }
    // SAFETY: `places` and `arenaBytes` were made together: the frame's bytes lie inside the arena.
    let unpacked = unsafe UnsafeMutableRawBufferPointer(
      start: arena + target, count: task.unpackedBytes)
    let reason = unsafe decoder.unpack(stored, storage: task.storage, into: unpacked)
    return reason.map {
      .frame(part: part(of: task), offset: UInt64(task.offset), reason: $0)
    }
  }

  private func part(of task: FrameTask) -> PackPart {
    let tensor = tensors[task.tensor]
    return .frame(
      tensor: tensor.name, component: tensor.components[task.component].component,
      index: task.index)
  }
}
