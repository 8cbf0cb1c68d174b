/// How far the data of declared tensors has come: it is appended in the order of the declarations, in pieces of any size.
///
/// Data beyond a tensor's size and tensors without their data are traps: only Martlet itself can cause them.
struct WritingProgress {
  private let sizes: [Int]
  /// The tensor whose data comes next.
  private var current = 0
  private var filled = 0
  /// Bytes of tensor data so far.
  private(set) var byteCount = 0

  /// - Parameter sizes: bytes of each tensor; empty ones need no data.
  init(_ sizes: [Int]) {
    self.sizes = sizes
    skipFinished()
  }

  /// The index of the tensor whose data comes next.
  var next: Int {
    precondition(current < sizes.count, "data for more tensors than were declared")
    return current
  }

  /// Whether a tensor begins where the next data goes, or all are whole.
  var isBetweenTensors: Bool { filled == 0 }

  /// Makes sure that data of this size belongs to the next tensor.
  func require(_ count: Int) {
    precondition(count <= sizes[next] - filled, "more data than the tensor's shape holds")
  }

  /// Counts data that was appended.
  mutating func append(_ count: Int) {
    filled += count
    byteCount += count
    skipFinished()
  }

  /// Makes sure that nothing is missing.
  func requireEnd() {
    precondition(current == sizes.count, "a declared tensor did not get all its data")
  }

  private mutating func skipFinished() {
    while current < sizes.count, filled == sizes[current] {
      current += 1
      filled = 0
    }
  }
}
