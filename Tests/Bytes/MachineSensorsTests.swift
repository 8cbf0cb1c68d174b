import MartletBytes
import MartletTestSupport
import Testing

@Suite struct MachineSensorsTests {
  @Test func aBoardsSensorsAreRead() throws {
    let directory = try TemporaryDirectory()
    try directory.write("51540\n", to: "sys/class/thermal/thermal_zone0/temp")
    try directory.write("62000\n", to: "sys/class/thermal/thermal_zone1/temp")
    try directory.write("bad\n", to: "sys/class/thermal/thermal_zone2/temp")
    for (index, clock) in [1_500_000, 2_400_000, 600_000].enumerated() {
      try directory.write(
        "\(clock)\n", to: "sys/devices/system/cpu/cpu\(index)/cpufreq/scaling_cur_freq")
    }
    let firmware = "sys/devices/platform/soc/soc:firmware/get_throttled"
    try directory.write("50000\n", to: firmware)
    let sensors = MachineSensors(root: directory.path, processors: [0, 1])
    let cool = sensors.reading()
    #expect(cool.celsius == 62)
    #expect(cool.megahertz == 1950)
    #expect(cool.isThrottled == false)
    #expect(sensors.joules(from: cool, to: cool) == nil)
    try directory.write("50005\n", to: firmware)
    #expect(sensors.reading().isThrottled == true)
  }

  /// Counters of energy run over; parts of a package are not counted beside it.
  @Test func energyIsCountedByPackage() throws {
    let directory = try TemporaryDirectory()
    let folder = "sys/class/powercap/"
    for name in ["intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"] {
      try directory.write("10000000\n", to: folder + name + "/max_energy_range_uj")
      try directory.write("9000000\n", to: folder + name + "/energy_uj")
    }
    let sensors = MachineSensors(root: directory.path, processors: [0])
    let before = sensors.reading()
    #expect(before.microjoules == [9_000_000, 9_000_000])
    try directory.write("9500000\n", to: folder + "intel-rapl:0/energy_uj")
    try directory.write("1000000\n", to: folder + "intel-rapl:1/energy_uj")
    #expect(sensors.joules(from: before, to: sensors.reading()) == 2.5)
  }

  @Test func nothingIsGuessed() throws {
    let sensors = MachineSensors(root: try TemporaryDirectory().path, processors: [0])
    let reading = sensors.reading()
    #expect(reading == MachineSensors.Reading())
    #expect(sensors.joules(from: reading, to: reading) == nil)
  }
}
