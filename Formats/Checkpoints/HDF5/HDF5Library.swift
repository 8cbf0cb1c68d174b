import CHDF5
import Synchronization

/// The one way to libhdf5: its calls come one after the other, since the library keeps state of its own, and its
/// errors are not printed.
enum HDF5Library {
  private static let lock: Mutex<Void> = {
    martlet_h5_silence()
    return Mutex(())
  }()

  /// Whether this process is the copy in which a file is tried: it has one thread, and a lock of another's making.
  nonisolated(unsafe) private static var isRehearsal = false

  /// Runs the body in a copy of this process first.
  ///
  /// - Returns: 0 when the copy came through, the signal that ended it, or what `martlet_h5_rehearse` says besides.
  static func rehearsal(seconds: Int, _ body: @escaping () -> Void) -> Int32 {
    let rehearsal = Rehearsal(body)
    return calls {
      // SAFETY: the box outlives the call, and the callee calls back only during it, in a process of its own.
      unsafe martlet_h5_rehearse(
        { context in
          guard let context = unsafe context else { return }
          unsafe HDF5Library.isRehearsal = true
          unsafe Unmanaged<Rehearsal>.fromOpaque(context).takeUnretainedValue().body()
        }, Unmanaged.passUnretained(rehearsal).toOpaque(), UInt32(clamping: seconds))
    }
  }

  /// Runs calls of the library; not to be nested.
  static func calls<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    // SAFETY: only ever set in a copy of the process, before its one thread comes here.
    if unsafe isRehearsal { return try body() }
    var result: Result<R, E>?
    lock.withLock { _ in
      do throws(E) {
        result = .success(try body())
      } catch { result = .failure(error) }
    }
    switch result {
    case .success(let value)?: return value
    case .failure(let error)?: throw error
    case nil: preconditionFailure("the lock runs its body")
    }
  }

  /// What the library says of its last failure.
  static var reason: String {
    let bytes = unsafe [CChar](unsafeUninitializedCapacity: 200) { buffer, count in
      unsafe buffer.initialize(repeating: 0)
      // SAFETY: the callee writes at most 199 characters into 200 zeros.
      if let base = buffer.baseAddress { unsafe martlet_h5_reason(base) }
      count = 200
    }
    let text = String(
      decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.isEmpty ? "a failure without a reason" : text
  }
}

/// What a copy of the process does, for C to carry.
private final class Rehearsal {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

/// An identifier of the library, given back once.
struct HDF5ID: ~Copyable {
  let id: hid_t
  private let close: (hid_t) -> herr_t

  /// `nil` for the identifiers below 0 that failed calls return.
  init?(_ id: hid_t, close: @escaping (hid_t) -> herr_t) {
    if id < 0 { return nil }
    self.id = id
    self.close = close
  }

  deinit { _ = close(id) }
}
