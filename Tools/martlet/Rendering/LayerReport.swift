import Foundation
import MartletBytes
import MartletRuntime

/// What `bench --layers` measured, as a table and as JSON; `RooflinePlot` draws it.
struct LayerReport {
  /// One region of the schedule.
  struct Row {
    var layers: [String]
    var kind: String
    var rows: Int
    var channels: Int
    var work: RegionWork
    var milliseconds: Samples
  }

  /// Regions that do the same at the same size: the blocks of a stage.
  struct Group {
    var title: String
    var kind: String
    var count: Int
    var work: RegionWork
    var milliseconds: Double

    /// Multiply-adds a nanosecond.
    var rate: Double { Double(work.multiplyAdds) / (milliseconds * 1e6) }
  }

  let scheme: String
  let resolution: Int
  let options: RunOptions
  let peaks: MachinePeaks
  let encode: Samples
  /// Processor milliseconds of encoder and projector.
  let processor: Samples
  let regions: [Row]
  let workingBytes: Int
  let peakBytes: Int
  private let machine = Machine.current()

  init(
    scheme: String, resolution: Int, options: RunOptions, peaks: MachinePeaks, encode: Samples,
    processor: Samples, regions: [Row], workingBytes: Int, peakBytes: Int
  ) {
    self.scheme = scheme
    self.resolution = resolution
    self.options = options
    self.peaks = peaks
    self.encode = encode
    self.processor = processor
    self.regions = regions
    self.workingBytes = workingBytes
    self.peakBytes = peakBytes
  }

  var headline: String {
    "encoder · \(scheme) · \(resolution)² · \(options.threads) threads · "
      + "\(options.instructionSet.name) · \(machine.model)"
  }

  /// The share of the peak at which this work was done in this time.
  func share(_ work: RegionWork, _ milliseconds: Double) -> Double {
    milliseconds > 0 ? peaks.nanoseconds(work) / (milliseconds * 1e6) : 0
  }

  /// All regions together.
  var total: Group {
    Group(
      title: "all regions", kind: "", count: regions.count,
      work: regions.reduce(RegionWork()) { $0 + $1.work },
      milliseconds: regions.reduce(0) { $0 + $1.milliseconds.median })
  }

  /// In the order of the network.
  var groups: [Group] {
    var groups: [Group] = []
    for row in regions {
      let title = Self.title(row.layers)
      if let known = groups.firstIndex(where: { $0.title == title && $0.kind == row.kind }) {
        groups[known].count += 1
        groups[known].work = groups[known].work + row.work
        groups[known].milliseconds += row.milliseconds.median
      } else {
        groups.append(
          Group(
            title: title, kind: row.kind, count: 1, work: row.work,
            milliseconds: row.milliseconds.median))
      }
    }
    return groups
  }

  /// `vision.stages.2.blocks.7.ffn.convolution … vision.stages.2.blocks.7.add` as
  /// `stages.2.blocks.*.ffn.convolution → add`.
  static func title(_ layers: [String]) -> String {
    func parts(_ name: String) -> [Substring] { name.split(separator: ".") }
    guard let first = layers.first, let last = layers.last else { return "" }
    var words = parts(first).dropFirst().map(String.init)
    if let blocks = words.firstIndex(of: "blocks"), blocks + 1 < words.count {
      words[blocks + 1] = "*"
    }
    let title = words.joined(separator: ".")
    return layers.count == 1 ? title : "\(title) → \(parts(last).last ?? "")"
  }

  // MARK: Table

  var text: String {
    let columns = ["", "ms", "time", "GMAC", "GMAC/s", "of peak", "MB", "GB/s"]
    var lines = [
      headline,
      "peaks: int8 \(Self.tenths(peaks.int8)) GMAC/s · float32 \(Self.tenths(peaks.float32)) GMAC/s · "
        + "memory \(Self.tenths(peaks.memory)) GB/s",
      "encode \(Self.tenths(encode.median)) ms (\(Self.tenths(encode.smallest)) to "
        + "\(Self.tenths(encode.largest)), processor \(Self.tenths(processor.median))) · working memory \(Self.tenths(Double(workingBytes) / 1e6)) MB · "
        + "peak memory \(Self.tenths(Double(peakBytes) / 1e6)) MB",
      line(columns),
    ]
    let all = total.milliseconds
    for group in groups + [total] { lines.append(line(cells(group, of: all))) }
    return lines.joined(separator: "\n")
  }

  private func cells(_ group: Group, of all: Double) -> [String] {
    [
      group.count == 1 ? group.title : "\(group.count) × \(group.title)",
      Self.tenths(group.milliseconds), Self.percent(all > 0 ? group.milliseconds / all : 0),
      String(format: "%.2f", Double(group.work.multiplyAdds) / 1e9), Self.tenths(group.rate),
      Self.percent(share(group.work, group.milliseconds)),
      Self.tenths(Double(group.work.bytes) / 1e6),
      Self.tenths(Double(group.work.bytes) / (group.milliseconds * 1e6)),
    ]
  }

  private func line(_ cells: [String]) -> String {
    var line = cells[0] + String(repeating: " ", count: max(0, 54 - cells[0].count))
    for cell in cells.dropFirst() {
      line += String(repeating: " ", count: max(1, 9 - cell.count)) + cell
    }
    return line
  }

  static func tenths(_ value: Double) -> String { String(format: "%.1f", value) }
  static func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }

  // MARK: JSON

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("scheme", scheme)
    json.set("resolution", resolution)
    json.set("threads", options.threads)
    json.set("isa", options.instructionSet.name)
    json.set("machine", machine.json)
    var peak = JSONOutput()
    peak.set("int8_gmacs", peaks.int8)
    peak.set("float32_gmacs", peaks.float32)
    peak.set("memory_gbytes", peaks.memory)
    json.set("peaks", peak)
    json.set("encode_ms", encode.json)
    json.set("processor_ms", processor.json)
    json.set("working_bytes", workingBytes)
    json.set("peak_rss_bytes", peakBytes)
    json.set("total", figures(total.work, total.milliseconds))
    json.set("regions", .array(regions.map { self.json($0).value }))
    return json
  }

  private func json(_ row: Row) -> JSONOutput {
    var json = JSONOutput()
    json.set("layers", .array(row.layers.map { .string($0) }))
    json.set("kind", row.kind)
    json.set("rows", row.rows)
    json.set("channels", row.channels)
    json.set("ms", row.milliseconds.json)
    let figures = figures(row.work, row.milliseconds.median)
    json.set("work", figures)
    return json
  }

  private func figures(_ work: RegionWork, _ milliseconds: Double) -> JSONOutput {
    var json = JSONOutput()
    json.set("macs_int8", work.int8)
    json.set("macs_int4", work.int4)
    json.set("macs_float32", work.float32)
    json.set("weight_bytes", work.weightBytes)
    json.set("value_bytes", work.valueBytes)
    json.set("gmacs_per_second", Double(work.multiplyAdds) / (milliseconds * 1e6))
    json.set("share_of_peak", share(work, milliseconds))
    return json
  }
}
