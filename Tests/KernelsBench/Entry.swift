import CMartletKernels
import Glibc

/// What a kernel's rate is compared with.
enum Limit: Sendable {
  case int8
  case float32
  /// Not arithmetic: a rate in elements alone.
  case none
}

/// One kernel at one size.
struct Entry: Sendable {
  var name: String
  var shape: String
  /// Multiply-adds of one call, or elements where `limit` is none.
  var work: Int
  /// Weight bytes read by one call.
  var bytes = 0
  var limit: Limit
  var prepare: @Sendable (martlet_kernels) -> () -> Void

  func report(_ table: martlet_kernels) {
    let call = prepare(table)
    let rounds = max(1, 10_000_000 / max(work, 1))
    var times: [Double] = []
    var peaks: [Double] = []
    for _ in 0..<200 {
      let start = threadSeconds()
      for _ in 0..<rounds { call() }
      let elapsed = max(threadSeconds() - start, Self.clockStep)
      times.append(elapsed / Double(rounds))
      peaks.append(peak(table))
    }
    times.sort()
    peaks.sort()
    let best = Double(work) / times[0] * 1e-9
    let median = Double(work) / times[times.count / 2] * 1e-9
    var line =
      "\(padded(name, 22)) \(padded(shape, 26)) \(tenths(best)) G/s, median \(tenths(median))"
    if limit != .none {
      let top = peaks[peaks.count - 1]
      line += "; peak \(tenths(top)): \(Int((100 * best / top).rounded())) %"
    }
    if bytes > 0 { line += "; weights \(tenths(Double(bytes) / times[0] * 1e-9)) GB/s" }
    print(line)
  }

  /// Seconds; a thread's clock may not have moved at all over a short call.
  private static let clockStep = 1e-6

  /// Multiply-adds a nanosecond in registers.
  private func peak(_ table: martlet_kernels) -> Double {
    guard limit != .none else { return 0 }
    var count: UInt64 = 0
    return withUnsafeMutablePointer(to: &count) { pointer in
      var params = martlet_probe_params(iterations: 5000, multiply_adds: pointer)
      let start = threadSeconds()
      if limit == .int8 { table.probe_int8(&params) } else { table.probe_f32(&params) }
      return Double(pointer.pointee) / max(threadSeconds() - start, Self.clockStep) * 1e-9
    }
  }
}

/// Processor time of this thread.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

/// Memory that lives as long as the process, filled by a pattern.
func buffer<T: BitwiseCopyable>(_ count: Int, _ value: (Int) -> T) -> UnsafeMutablePointer<T> {
  let raw = UnsafeMutableRawPointer.allocate(
    byteCount: max(count, 1) * MemoryLayout<T>.stride, alignment: 64)
  let pointer = raw.bindMemory(to: T.self, capacity: count)
  for index in 0..<count { (pointer + index).initialize(to: value(index)) }
  return pointer
}

/// Reproducible noise.
func noise(_ index: Int) -> UInt32 {
  UInt32(truncatingIfNeeded: (UInt64(index) &* 0x9E37_79B9_7F4A_7C15) >> 33)
}

func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
  buffer(count) { Float(Int32(noise($0) % 2001) - 1000) * 0.001 }
}

private func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

private func tenths(_ value: Double) -> String {
  let scaled = Int((value * 10).rounded())
  return "\(scaled / 10).\(scaled % 10)"
}
