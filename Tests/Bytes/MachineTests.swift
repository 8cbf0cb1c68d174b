import MartletBytes
import MartletTestSupport
import Testing

@Suite struct MachineTests {
  @Test func thisMachineHasCoresAndMemory() {
    let machine = Machine.current()
    #expect(machine.physicalCores >= 1)
    #expect(machine.logicalCores >= machine.physicalCores)
    #expect(Machine.residentBytes > 1 << 20)
    #expect(Machine.peakResidentBytes >= Machine.residentBytes / 2)
    #expect(MonotonicClock.milliseconds(since: MonotonicClock.nanoseconds) < 60_000)
  }

  @Test func peakGrowsWithTheMemoryTouched() {
    let resident = Machine.residentBytes
    let block = [UInt8](repeating: 1, count: 256 << 20)
    #expect(block[block.count - 1] == 1)
    // Other tests run at the same time and may give memory back meanwhile.
    #expect(Machine.peakResidentBytes >= resident + (128 << 20))
  }

  /// Four cores with two threads each, as `/sys` shows them.
  private func invented(_ directory: TemporaryDirectory) throws {
    for processor in 0..<8 {
      let folder = "sys/devices/system/cpu/cpu\(processor)/"
      try directory.write("0\n", to: folder + "topology/physical_package_id")
      try directory.write("\(processor % 4)\n", to: folder + "topology/core_id")
    }
    let caches = [
      ("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "1024K"),
      ("3", "Unified", "32M"),
    ]
    for (index, cache) in caches.enumerated() {
      let folder = "sys/devices/system/cpu/cpu0/cache/index\(index)/"
      try directory.write(cache.0 + "\n", to: folder + "level")
      try directory.write(cache.1 + "\n", to: folder + "type")
      try directory.write(cache.2 + "\n", to: folder + "size")
    }
    try directory.write(
      "processor\t: 0\nmodel name\t: Invented CPU @ 3 GHz\n", to: "proc/cpuinfo")
  }

  @Test func coresAndCachesAreReadFromTheSystem() throws {
    let directory = try TemporaryDirectory()
    try invented(directory)
    #expect(
      Machine(root: directory.path, allowed: Array(0..<8))
        == Machine(
          model: "Invented CPU @ 3 GHz", physicalCores: 4, logicalCores: 8, l1DataBytes: 48 << 10,
          l2Bytes: 1 << 20, l3Bytes: 32 << 20))
  }

  @Test func affinityLimitsTheCores() throws {
    let directory = try TemporaryDirectory()
    try invented(directory)
    let machine = Machine(root: directory.path, allowed: [0, 4, 1])
    #expect(machine.physicalCores == 2)
    #expect(machine.logicalCores == 3)
  }

  @Test(arguments: [
    ("sys/fs/cgroup/cpu.max", "250000 100000\n", "", 3),
    ("sys/fs/cgroup/cpu.max", "max 100000\n", "", 4),
    ("sys/fs/cgroup/a/b/cpu.max", "100000 100000\n", "0::/a/b\n", 1),
    ("sys/fs/cgroup/a/cpu.max", "200000 100000\n", "0::/a/b\n", 2),
    ("sys/fs/cgroup/cpu.max", "nonsense", "0::nonsense\n", 4),
    ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n", "", 4),
  ])
  func controlGroupLimitsTheCores(file: String, text: String, group: String, cores: Int) throws {
    let directory = try TemporaryDirectory()
    try invented(directory)
    try directory.write(text, to: file)
    if !group.isEmpty { try directory.write(group, to: "proc/self/cgroup") }
    let machine = Machine(root: directory.path, allowed: Array(0..<8))
    #expect(machine.physicalCores == cores)
  }

  @Test func whatTheSystemDoesNotTellIsZero() throws {
    let directory = try TemporaryDirectory()
    #expect(
      Machine(root: directory.path, allowed: [0, 1])
        == Machine(
          model: "", physicalCores: 2, logicalCores: 2, l1DataBytes: 0, l2Bytes: 0, l3Bytes: 0))
  }

  @Test func boardsAreNamedByTheirDeviceTree() throws {
    let directory = try TemporaryDirectory()
    try directory.write("Invented Board 5\0", to: "proc/device-tree/model")
    #expect(Machine(root: directory.path, allowed: [0]).model == "Invented Board 5")
  }
}
