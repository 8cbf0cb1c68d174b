import Foundation
import FoundationXML
import MartletTestSupport
import Testing

/// `bench --layers`: every region with its time, its work and its share of the machine's peak.
@Suite struct LayerBenchTests {
  private typealias Object = [String: Any]
  private static func object(_ value: Any?) throws -> Object {
    guard let object = value as? Object else { throw Missing(name: "an object") }
    return object
  }
  private static func number(_ object: Object, _ key: String) throws -> Double {
    guard let number = object[key] as? NSNumber else { throw Missing(name: key) }
    return number.doubleValue
  }
  private struct Missing: Error { var name: String }

  @Test func regionsAddUpAndArePlotted() throws {
    let directory = try TemporaryDirectory()
    let plot = directory.path("roof.svg")
    let outcome = try Program.martlet.run(
      "bench", "--synthetic", "tiny", "--layers", "--runs", "2", "--threads", "2", "--json",
      "--plot", plot, "--quiet")
    #expect(outcome.error == "")
    #expect(outcome.code == 0)
    let report = try Self.object(
      JSONSerialization.jsonObject(with: Data(outcome.output.utf8)))
    let peaks = try Self.object(report["peaks"])
    for key in ["int8_gmacs", "float32_gmacs", "memory_gbytes"] {
      #expect(try Self.number(peaks, key) > 0)
    }
    #expect(try Self.number(report, "working_bytes") > 0)
    guard let regions = report["regions"] as? [Any] else { throw Missing(name: "regions") }
    var sums = ["macs_int8": 0.0, "macs_float32": 0.0, "weight_bytes": 0.0, "value_bytes": 0.0]
    for region in regions {
      let region = try Self.object(region)
      #expect((region["layers"] as? [String])?.isEmpty == false)
      let time = try Self.object(region["ms"])
      #expect(try Self.number(time, "min") <= Self.number(time, "median"))
      let work = try Self.object(region["work"])
      for key in sums.keys { sums[key, default: 0] += try Self.number(work, key) }
    }
    let total = try Self.object(report["total"])
    for (key, sum) in sums {
      #expect(sum > 0)
      #expect(try Self.number(total, key) == sum)
    }
    #expect(try Self.number(total, "share_of_peak") > 0)
    let parser = XMLParser(data: try Data(contentsOf: URL(filePath: plot)))
    #expect(parser.parse())
    #expect(try directory.names() == ["roof.svg"])
  }

  @Test func theTableNamesTheBlocksOfAStageOnce() throws {
    let outcome = try Program.martlet.run(
      "bench", "--synthetic", "tiny", "--layers", "--runs", "1", "--threads", "1", "--quiet")
    #expect(outcome.code == 0)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines[0].hasPrefix("encoder · int8 · "))
    #expect(lines[1].hasPrefix("peaks: int8 "))
    #expect(lines.contains { $0.contains("× stages.1.blocks.*.ffn.convolution → add") })
    #expect(lines.last?.contains("× all regions") == true)
  }

  @Test(arguments: [
    (["--plot", "x.svg"], "--plot draws what --layers measures"),
    (
      ["--layers", "--max-tokens", "3"],
      "--layers times the encoder alone; it takes no --prompt-tokens, --max-tokens or --kv-cache"
    ),
  ])
  func optionsThatMeanNothingTogetherAreRefused(words: [String], message: String) throws {
    let outcome = try Program.martlet.run(["bench", "--synthetic", "tiny"] + words)
    #expect(outcome.code == 64)
    #expect(outcome.error.contains(message))
    #expect(outcome.output == "")
  }
}
