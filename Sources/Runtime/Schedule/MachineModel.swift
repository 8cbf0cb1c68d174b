/// What the scheduler knows of a machine: plain numbers, so that it can be tested with invented machines.
package struct MachineModel: Equatable, Sendable {
  package var threads: Int
  /// Private to a core.
  package var l2Bytes: Int
  /// Shared by all threads.
  package var l3Bytes: Int
  /// 8-bit multiply-adds a core does per cycle at its peak.
  package var macsPerCycle: Double
  /// Bytes a core reads per cycle from each level.
  package var l2BytesPerCycle = 32.0
  package var l3BytesPerCycle = 12.0
  package var memoryBytesPerCycle = 4.0
  /// Fork, join and the imbalance that comes with them (measured: 0.4 µs plus waiting), in cycles.
  package var joinCycles = 4000.0

  package init(threads: Int, l2Bytes: Int, l3Bytes: Int, macsPerCycle: Double) {
    self.threads = max(1, threads)
    // A machine that does not tell its caches gets those of a small board.
    self.l2Bytes = l2Bytes > 0 ? l2Bytes : 256 << 10
    self.l3Bytes = l3Bytes > 0 ? l3Bytes : 1 << 20
    self.macsPerCycle = macsPerCycle
  }

  /// Cycles one core needs to read this many bytes that every pass finds where they fit.
  func cyclesToRead(_ bytes: Double) -> Double {
    if bytes <= Double(l2Bytes) / 2 { return bytes / l2BytesPerCycle }
    if bytes <= Double(l3Bytes) / 2 { return bytes / l3BytesPerCycle }
    return bytes / memoryBytesPerCycle
  }
}
