/// What a machine tells about its state while it works: temperature, clock, energy, throttling.
///
/// Every answer may be missing; nothing is guessed.
package struct MachineSensors: Sendable {
  private let files: MachineFiles
  private let processors: [Int]
  private let zones: [String]
  private let counters: [(path: String, range: Int)]

  /// Readings of one moment.
  package struct Reading: Equatable, Sendable {
    /// The warmest of the system's thermal zones, in degrees Celsius.
    package var celsius: Double?
    /// The mean clock of the processors in use, in MHz.
    package var megahertz: Double?
    /// What each counter of energy stands at, in microjoules.
    package var microjoules: [Int] = []
    /// Whether the machine says that it is slowed down now, by heat or a weak supply.
    package var isThrottled: Bool?

    package init() {}
  }

  /// - Parameter root: put before each path; empty for the true files.
  /// - Parameter processors: those whose clock counts.
  package init(root: String = "", processors: [Int]) {
    files = MachineFiles(root: root)
    self.processors = processors
    let thermal = "/sys/class/thermal"
    zones = Self.names(root + thermal).filter { $0.hasPrefix("thermal_zone") }
      .map { "\(thermal)/\($0)/temp" }
    var counters: [(path: String, range: Int)] = []
    let powercap = "/sys/class/powercap"
    // Whole packages only: their parts would count twice.
    for name in Self.names(root + powercap)
    where name.hasPrefix("intel-rapl:") && name.split(separator: ":").count == 2 {
      let range = files.number("\(powercap)/\(name)/max_energy_range_uj") ?? 0
      counters.append((path: "\(powercap)/\(name)/energy_uj", range: range))
    }
    if counters.isEmpty {
      for name in Self.names(root + "/sys/class/hwmon") {
        counters.append((path: "/sys/class/hwmon/\(name)/energy1_input", range: 0))
      }
    }
    self.counters = counters.filter { [files] in files.number($0.path) != nil }
  }

  package func reading() -> Reading {
    var reading = Reading()
    for zone in zones {
      guard let value = files.number(zone) else { continue }
      reading.celsius = max(reading.celsius ?? -273.15, Double(value) / 1000)
    }
    var clocks: [Double] = []
    for index in processors {
      let path = "/sys/devices/system/cpu/cpu\(index)/cpufreq/scaling_cur_freq"
      if let kilohertz = files.number(path) { clocks.append(Double(kilohertz) / 1000) }
    }
    if !clocks.isEmpty { reading.megahertz = clocks.reduce(0, +) / Double(clocks.count) }
    reading.microjoules = counters.map { files.number($0.path) ?? 0 }
    // A Raspberry Pi's firmware: bits 0 to 3 tell of now, those above of the past.
    if let word = files.lines("/sys/devices/platform/soc/soc:firmware/get_throttled").first,
      let bits = Int(word, radix: 16)
    {
      reading.isThrottled = bits & 0xF != 0
    }
    return reading
  }

  /// Joules used between two readings; `nil` where no counter tells. A counter that ran over is followed once.
  package func joules(from earlier: Reading, to later: Reading) -> Double? {
    if counters.isEmpty { return nil }
    var sum = 0
    for (index, counter) in counters.enumerated() {
      var used = later.microjoules[index] - earlier.microjoules[index]
      if used < 0 { used += counter.range }
      sum += max(0, used)
    }
    return Double(sum) / 1e6
  }

  private static func names(_ path: String) -> [String] {
    do throws(BytesError) { return try Directory.names(in: path).sorted() } catch { return [] }
  }
}
