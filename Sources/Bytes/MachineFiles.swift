/// What `/proc` and `/sys` tell about processors; every answer may be missing.
struct MachineFiles {
  /// Put before each path: empty for the true files.
  var root: String

  func text(_ path: String) -> String? {
    guard let bytes = try? SmallFile.bytes(of: root + path, limit: 1 << 20) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  func lines(_ path: String) -> [Substring] {
    (text(path) ?? "").split(separator: "\n")
  }

  func number(_ path: String) -> Int? {
    guard let line = lines(path).first else { return nil }
    return Int(line)
  }

  /// A line of `/proc/self/status`, which counts in kB, in bytes; 0 when missing.
  func status(_ key: String) -> Int { kilobytes("/proc/self/status", key) }

  /// Memory that can be had without pushing anything out, in bytes; 0 when unknown.
  func availableBytes() -> Int { kilobytes("/proc/meminfo", "MemAvailable:") }

  /// A line that counts in kB, in bytes; 0 when missing.
  private func kilobytes(_ path: String, _ key: String) -> Int {
    for line in lines(path) where line.hasPrefix(key) {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      if words.count > 1, let kilobytes = Int(words[1]) { return kilobytes &* 1024 }
    }
    return 0
  }

  /// The name in `/proc/cpuinfo`, else the board's in the device tree.
  func processorName() -> String {
    for line in lines("/proc/cpuinfo") {
      guard line.hasPrefix("model name"), let colon = line.firstIndex(of: ":") else { continue }
      return trimmed(line[line.index(after: colon)...])
    }
    let board = text("/proc/device-tree/model") ?? ""
    return trimmed(board.prefix(while: { $0 != "\0" && $0 != "\n" }))
  }

  private func trimmed(_ text: Substring) -> String {
    String(text.drop(while: { $0 == " " || $0 == "\t" }))
  }

  /// Whole processors of the control group's share, rounded up; `nil` without a limit.
  ///
  /// Reads cgroup v2 `cpu.max` from this process's group up to the root, and v1's quota.
  func processorQuota() -> Int? {
    var smallest: Int?
    func note(_ quota: Int?, _ period: Int?) {
      guard let quota, let period, quota > 0, period > 0 else { return }
      let processors = quota / period + (quota % period == 0 ? 0 : 1)
      smallest = min(smallest ?? processors, processors)
    }
    var group = ""
    for line in lines("/proc/self/cgroup") where line.hasPrefix("0::") {
      group = String(line.dropFirst(3))
    }
    while true {
      let words = (lines("/sys/fs/cgroup" + (group == "/" ? "" : group) + "/cpu.max").first ?? "")
        .split(separator: " ")
      if words.count == 2 { note(Int(words[0]), Int(words[1])) }
      if group.isEmpty || group == "/" { break }
      group = Directory.parent(of: group)
      if group == "." { break }
    }
    for folder in ["/sys/fs/cgroup/cpu/", "/sys/fs/cgroup/cpu,cpuacct/"] {
      note(number(folder + "cpu.cfs_quota_us"), number(folder + "cpu.cfs_period_us"))
    }
    return smallest
  }

  /// Data cache sizes in bytes by level; 0 when unknown.
  func caches(of processor: Int) -> (l1: Int, l2: Int, l3: Int) {
    var sizes = (l1: 0, l2: 0, l3: 0)
    for index in 0..<8 {
      let folder = "/sys/devices/system/cpu/cpu\(processor)/cache/index\(index)/"
      guard let level = number(folder + "level"), let size = lines(folder + "size").first,
        let type = lines(folder + "type").first, type != "Instruction"
      else { continue }
      switch level {
      case 1: sizes.l1 = bytes(size)
      case 2: sizes.l2 = bytes(size)
      case 3: sizes.l3 = bytes(size)
      default: break
      }
    }
    return sizes
  }

  /// `32K`, `8M` or a plain number.
  private func bytes(_ text: Substring) -> Int {
    var unit = 1
    var digits = text
    if text.hasSuffix("K") { unit = 1 << 10 }
    if text.hasSuffix("M") { unit = 1 << 20 }
    if unit > 1 { digits = text.dropLast() }
    guard let value = Int(digits), value >= 0 else { return 0 }
    let (size, overflow) = value.multipliedReportingOverflow(by: unit)
    return overflow ? 0 : size
  }
}
