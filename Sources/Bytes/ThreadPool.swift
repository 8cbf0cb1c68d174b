import CMartletPlatform

/// Threads that run the same body over many indices, joining in well under a microsecond.
///
/// The calling thread is worker 0. Regions do not nest: a region started inside a body, of this pool
/// or another, runs on the calling worker alone.
@safe package final class ThreadPool: @unchecked Sendable {
  // SAFETY (of the conformance): the C pool guards itself; two regions at once are a trap.
  /// Workers, the caller included.
  package let threads: Int
  private let pool: OpaquePointer

  /// How indices are given to workers.
  package enum Schedule: Sendable {
    /// Whoever is free takes the next index: the right choice for uneven work and shared machines.
    case dynamic
    /// Worker `w` takes the indices `w * count / threads ..< (w + 1) * count / threads`: the same
    /// index meets the same cache in every region. A worker that the system keeps from running holds up
    /// such a region; a dynamic one goes on without it.
    case fixed
  }

  /// A pool of `threads` workers; 1 makes no thread and runs bodies in place.
  ///
  /// - Throws: `threads` when the system refuses.
  package init(threads: Int) throws(BytesError) {
    var pool: OpaquePointer?
    // SAFETY: the pointer is valid during the call.
    let code = unsafe martlet_pool_create(threads < 0 ? 0 : threads, &pool)
    guard code == 0, let pool = unsafe pool else {
      throw .threads(requested: threads, code: code)
    }
    self.threads = threads
    unsafe self.pool = pool
  }

  deinit {
    // SAFETY: made in `init`; no region can be running, since a region holds `self`.
    unsafe martlet_pool_destroy(pool)
  }

  /// Runs `body(index, worker)` once for each index in `0 ..< count`; returns when all are done.
  ///
  /// `worker` is in `0 ..< threads` and is never shared by two calls that run at the same time, so it
  /// may index scratch memory. Allocates nothing. A trap when two threads use one pool at once.
  package func parallelFor(
    _ count: Int, schedule: Schedule = .dynamic,
    _ body: (_ index: Int, _ worker: Int) -> Void
  ) {
    if count <= 0 { return }
    // SAFETY: the closure is called only while this call runs, which returns after the last body has.
    let ran = unsafe runClosure(
      pool, UInt(count), schedule == .dynamic ? 0 : 1, body)
    precondition(ran != 0, "one thread pool was used by two threads at once")
  }
}

/// `martlet_pool_run` for a Swift closure.
///
/// The C side takes a closure that does not escape as the two words it is made of and calls it by Swift's
/// calling convention (clang's `swiftcall`). Every way to bring such a closure to a C function pointer within
/// the language allocates a box at each call, and regions must not allocate.
@_silgen_name("martlet_pool_run_closure")
private func runClosure(
  _ pool: OpaquePointer, _ count: UInt, _ schedule: UInt, _ body: (Int, Int) -> Void
) -> UInt
