import Foundation
import FoundationXML
import MartletBytes
import MartletTestSupport
import Testing

/// The search for resolution and scheme, on martlet-nano.
@Suite struct TuneTests {
  private let directory: TemporaryDirectory
  private let words: [String]

  init() throws {
    directory = try TemporaryDirectory()
    let folder = Directory.path(
      Directory.parent(of: Proven.checkpoint), "evaluation")
    let lines = ["familiar-000-form.jpg", "familiar-001-chart.jpg"].enumerated().map {
      let kind = $0.offset == 0 ? "form" : "chart"
      return
        "{\"image\": \"\(Directory.path(folder, $0.element))\", \"question\": \"What is this?\", \"answer\": \"\(kind)\"}"
    }
    let questions = try directory.write(lines.joined(separator: "\n"), to: "q.jsonl")
    words = [
      "tune", Proven.checkpoint, "--questions", questions, "--resolutions", "256,64",
      "--max-tokens", "8", "--json",
    ]
  }

  @Test func pointsAreMeasuredKeptAndRecommended() throws {
    let kept = ["--output", directory.path("t"), "--report", directory.path("t.html")]
    let first = try Program.martlet.run(words + ["--budget-ms", "60000"] + kept)
    #expect(first.code == 0, "\(first.error)")
    let json = try JSONValue.only(in: first.output)
    let points = json["points"]?.array ?? []
    #expect(points.map { $0["resolution"]?.int } == [64, 64, 256, 256])
    #expect(points.map { $0["scheme"]?.string } == ["int8", "int4", "int8", "int4"])
    #expect(points.map { $0["image_tokens"]?.int } == [1, 1, 16, 16])
    #expect(points[2]["accuracy"]?.double == 1)
    #expect(points.allSatisfy { ($0["first_token_ms"]?.double ?? 0) > 0 })
    let convert = json["recommendation"]?["convert"]?.string ?? ""
    #expect(convert.contains("--resolution 256"))
    #expect(first.error.contains("the checkpoint states 256²"))

    // Everything is known: nothing runs again, and the same comes out.
    let size = try SmallFile.bytes(of: directory.path("t")).count
    let again = try Program.martlet.run(words + ["--budget-ms", "60000"] + kept)
    #expect(again.output == first.output)
    #expect(again.error.contains("8 runs of pictures are known already"))
    #expect(try SmallFile.bytes(of: directory.path("t")).count == size)

    // The page is well formed and tells the numbers of the object.
    let page = try SmallFile.bytes(of: directory.path("t.html"))
    let text = String(decoding: page, as: UTF8.self)
    #expect(XMLParser(data: Data(text.replacing("<!DOCTYPE html>", with: "").utf8)).parse())
    for index in points.indices {
      for key in ["accuracy", "first_token_ms", "pack_bytes"] {
        let value = points[index][key]?.text() ?? ""
        #expect(text.contains("<data value=\"\(value)\" data-key=\"points.\(index).\(key)\">"))
      }
    }
    #expect(text.contains("<svg class=\"plot\""))
  }

  @Test func whatIsLeftOutIsSaid() throws {
    let outcome = try Program.martlet.run(
      words + ["--budget-ms", "0.001", "--schemes", "int8:float32"])
    #expect(outcome.code == 0, "\(outcome.error)")
    let json = try JSONValue.only(in: outcome.output)
    #expect(json["recommendation"]?.isNull == true)
    #expect(outcome.error.contains("no point stays within"))
  }

  @Test(arguments: [
    ["--schemes", "int9"], ["--schemes", "int8:int8:int8"], ["--resolutions", "100"],
    ["--budget-ms", "0"], ["--give-up", "0.5"],
  ])
  func nonsenseIsRefused(options: [String]) throws {
    let outcome = try Program.martlet.run(words + options)
    #expect(outcome.code == 64, "\(outcome.error)")
  }
}
