import CMartletPlatform

/// The processor this process may use: what schedules and reports are made from.
///
/// Sizes that the system does not tell are 0.
package struct Machine: Equatable, Sendable {
  /// The processor's name as the system gives it; empty when unknown.
  package var model: String
  /// Physical cores this process may run on, the processor share of its control group respected; at
  /// least 1. The right number of threads for kernels that fill a core.
  package var physicalCores: Int
  /// Hardware threads this process may run on, limited in the same way; at least 1.
  package var logicalCores: Int
  package var l1DataBytes: Int
  /// Per core (or per cluster, where cores share it).
  package var l2Bytes: Int
  package var l3Bytes: Int

  package init(
    model: String, physicalCores: Int, logicalCores: Int, l1DataBytes: Int, l2Bytes: Int,
    l3Bytes: Int
  ) {
    self.model = model
    self.physicalCores = physicalCores
    self.logicalCores = logicalCores
    self.l1DataBytes = l1DataBytes
    self.l2Bytes = l2Bytes
    self.l3Bytes = l3Bytes
  }

  /// The machine this process runs on, as far as its affinity mask and control group let it.
  package static func current() -> Machine {
    Machine(root: "", allowed: Processors.allowed)
  }

  /// Bytes of memory this process holds now, pages of mapped files included; 0 when unknown.
  package static var residentBytes: Int { MachineFiles(root: "").status("VmRSS:") }

  /// Bytes of memory that programs can have without others being pushed out; 0 when unknown.
  package static var availableBytes: Int { MachineFiles(root: "").availableBytes() }

  /// The most memory this process held so far.
  ///
  /// The system's own count of this program is preferred: that of getrusage also remembers the program
  /// that started this one.
  package static var peakResidentBytes: Int {
    let status = MachineFiles(root: "").status("VmHWM:")
    return status > 0 ? status : Int(clamping: martlet_peak_resident_bytes())
  }

  /// The machine described by the files under `root` (`/proc`, `/sys`), limited to these processors.
  package init(root: String, allowed: [Int]) {
    let files = MachineFiles(root: root)
    var cores = Set<[Int]>()
    for processor in allowed {
      let topology = "/sys/devices/system/cpu/cpu\(processor)/topology/"
      let package = files.number(topology + "physical_package_id") ?? 0
      cores.insert([package, files.number(topology + "core_id") ?? -1 - processor])
    }
    let quota = files.processorQuota() ?? allowed.count
    let caches = files.caches(of: allowed.first ?? 0)
    self.init(
      model: files.processorName(), physicalCores: max(1, min(cores.count, quota)),
      logicalCores: max(1, min(allowed.count, quota)), l1DataBytes: caches.l1,
      l2Bytes: caches.l2, l3Bytes: caches.l3)
  }
}

/// A clock for measuring.
package enum MonotonicClock {
  /// Nanoseconds since an arbitrary moment; never goes back. 64 bits on every machine: 32 hold two seconds.
  package static var nanoseconds: Int64 { Int64(clamping: martlet_clock_nanoseconds()) }

  /// Milliseconds that have passed since `start`, a former value of `nanoseconds`.
  package static func milliseconds(since start: Int64) -> Double {
    Double(nanoseconds - start) / 1_000_000
  }
}
