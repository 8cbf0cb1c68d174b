import MartletModel
import MartletRuntime
import MartletTestSupport
import Testing

@Suite struct RegionWorkTests {
  private func work(_ small: SmallNetwork, _ schedule: Schedule) throws -> [RegionWork] {
    schedule.work(of: small.network, plan: try ScheduleTests.plan(small))
  }

  /// 896 → 64 at 8 bits: codes, a scale and an offset an output; rows of floats in and out.
  @Test func aProductCountsItsMultiplyAddsAndItsBytes() throws {
    let small = try ScheduleTests.product(inputs: 896, outputs: 64)
    let found = try work(small, ScheduleTests.schedule(small, .rows(5)))
    #expect(found.count == 1)
    #expect(found[0].int8 == 5 * 896 * 64)
    #expect(found[0].int4 == 0 && found[0].float32 == 0)
    #expect(found[0].weightBytes == 896 * 64 + 64 * 4 + 64 * 4)
    #expect(found[0].valueBytes == 5 * (896 + 64) * 4)
    #expect(found[0].bytes == found[0].weightBytes + found[0].valueBytes)
  }

  /// How layers are gathered in regions changes what moves, not what is computed.
  @Test(arguments: [64, 128]) func fusionMovesLessAndComputesTheSame(side: Int) throws {
    let small = try SmallNetwork.vision()
    var sums: [RegionWork] = []
    for fuse in [true, false] {
      let schedule = try ScheduleTests.schedule(small, .picture(side: side), fuse: fuse)
      let found = try work(small, schedule)
      #expect(found.count == schedule.regions.count)
      sums.append(found.reduce(RegionWork()) { $0 + $1 })
    }
    #expect(sums[0].multiplyAdds == sums[1].multiplyAdds)
    #expect(sums[0].int8 == sums[1].int8 && sums[0].int8 > 0)
    #expect(sums[0].weightBytes == sums[1].weightBytes)
    #expect(sums[0].valueBytes < sums[1].valueBytes)
  }

  /// Convolutions and products grow with the pixels, attention with their square.
  @Test func workFollowsTheSize() throws {
    let small = try SmallNetwork.vision()
    func split(_ side: Int) throws -> (attention: Int, rest: Int) {
      let schedule = try ScheduleTests.schedule(small, .picture(side: side))
      var result = (attention: 0, rest: 0)
      for (region, work) in zip(schedule.regions, try work(small, schedule)) {
        switch region.kind {
        case .attention: result.attention += work.multiplyAdds
        case .tiles: result.rest += work.multiplyAdds
        default: break
        }
      }
      return result
    }
    let (one, two) = (try split(64), try split(128))
    #expect(one.attention > 0 && one.rest > 0)
    #expect(two.attention == 16 * one.attention)
    #expect(two.rest == 4 * one.rest)
  }

  /// Float work is held against the float peak, 8-bit and 4-bit work against the 8-bit one.
  @Test func peaksTurnWorkIntoTime() throws {
    let small = try SmallNetwork.vision()
    let all = try work(small, ScheduleTests.schedule(small, .picture(side: 64)))
      .reduce(RegionWork()) { $0 + $1 }
    let peaks = MachinePeaks(int8: 32, float32: 16, memory: 4)
    #expect(
      peaks.nanoseconds(all) == Double(all.int8 + all.int4) / 32 + Double(all.float32) / 16)
  }
}
