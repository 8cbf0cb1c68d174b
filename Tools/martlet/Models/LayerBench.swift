import Foundation
import MartletBytes
import MartletModel
import MartletPack
import MartletRuntime

/// The encoder of a pack, timed region by region.
final class LayerBench {
  private let pack: Pack
  private let options: RunOptions
  private let pool: ThreadPool
  private let vision: VisionSession
  private let pixels: Pixels
  private var encode = Samples()
  private var processor = Samples()
  private var regions: [Samples]

  /// Loads encoder and projector only.
  init(_ pack: Pack, isa: String?, threads: Int, resolution: Int?) throws {
    self.pack = pack
    pool = try ThreadPool(threads: threads)
    options = RunOptions(
      instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best, threads: threads,
      profile: true)
    let parts: [NetworkRole] = [.vision, .projector].filter { pack.description.network($0) != nil }
    let model = try LoadedModel(pack, roles: parts, pool: pool)
    vision = try VisionSession(
      model: model, resolution: resolution, options: options, pool: pool)
    pixels = .noise(side: vision.resolution)
    regions = vision.encoderSchedule.regions.map { _ in Samples() }
  }

  func run(isCounted: Bool) throws {
    let start = Self.processorMilliseconds
    let encoding = try vision.encode(pixels)
    let spent = Self.processorMilliseconds - start
    let nanoseconds = vision.takeTimings()
    guard isCounted else { return }
    processor.add(spent)
    encode.add(encoding.encodeMilliseconds)
    for (index, spent) in nanoseconds.enumerated() { regions[index].add(Double(spent) / 1e6) }
  }

  /// Processor time of all threads: on a shared machine it says more than the clock does.
  private static var processorMilliseconds: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
  }

  /// The runs so far, held against the machine's peaks, which this measures.
  func report() throws -> LayerReport {
    // The probe's own memory must not count.
    let peakBytes = Machine.peakResidentBytes
    let schedule = vision.encoderSchedule
    let work = schedule.work(of: vision.encoderNetwork, plan: pack.plan)
    let rows = schedule.regions.indices.map { index in
      let region = schedule.regions[index]
      return LayerReport.Row(
        layers: region.layers, kind: region.kindName,
        rows: schedule.extents.rows[region.output.index],
        channels: vision.encoderNetwork[region.output].shape.channels, work: work[index],
        milliseconds: regions[index])
    }
    return LayerReport(
      scheme: pack.schemeName, resolution: vision.resolution, options: options,
      peaks: try MachinePeaks.measured(options.instructionSet, pool: pool), encode: encode,
      processor: processor, regions: rows, workingBytes: vision.encoderWorkingBytes,
      peakBytes: peakBytes)
  }
}
