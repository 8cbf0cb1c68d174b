import CMartletPlatform

/// A block of zeroed memory on a page boundary, freed with its owner; untouched pages cost nothing.
@safe
final class AlignedMemory: @unchecked Sendable {
  let byteCount: Int
  // SAFETY: points at `byteCount` bytes for the life of this object; callers keep the object alive and
  // partition the block among threads themselves.
  let base: UnsafeMutableRawPointer

  /// How the block will be used.
  enum Use {
    /// Throughout: large pages suit it.
    case whole
    /// In scattered parts, perhaps never to its end: only what is touched shall cost memory.
    case sparse
  }

  /// - Throws: `outOfMemory` where the system refuses.
  init(byteCount: Int, use: Use = .sparse) throws(RuntimeError) {
    let rounded = max(64, ArenaLayout.aligned(byteCount))
    // SAFETY: made here, given back in `deinit` only.
    let base = unsafe use == .whole ? martlet_allocate(rounded) : martlet_reserve(rounded)
    guard let base = unsafe base else { throw .outOfMemory(bytes: rounded) }
    unsafe self.base = base
    self.byteCount = rounded
  }

  deinit { unsafe martlet_deallocate(base, byteCount) }

  /// Floats from a byte offset.
  func floats(at byteOffset: Int) -> UnsafeMutablePointer<Float> {
    precondition(byteOffset >= 0 && byteOffset % 4 == 0 && byteOffset <= byteCount)
    // SAFETY: inside the block by the check above; the schedule's sizes keep accesses inside.
    return unsafe (base + byteOffset).assumingMemoryBound(to: Float.self)
  }
}
