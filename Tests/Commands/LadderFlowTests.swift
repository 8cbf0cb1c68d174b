import Foundation
import MartletBytes
import MartletPack
import MartletTestSupport
import Testing

/// One pack that runs at several sizes of pictures, on martlet-nano.
@Suite struct LadderFlowTests {
  private static let sides = [128, 192, 256]

  /// Made once for all tests.
  private static let packs: (ladder: String, single: String, folder: TemporaryDirectory?) = {
    do {
      let folder = try TemporaryDirectory()
      let (ladder, single) = (folder.path("ladder.martlet"), folder.path("single.martlet"))
      let first = try Program.martlet.run(
        "convert", Proven.checkpoint, "-o", ladder, "--resolutions", "192,256,128", "--quiet")
      let second = try Program.martlet.run(
        "convert", Proven.checkpoint, "-o", single, "--resolution", "192", "--no-proof", "--quiet")
      if first.code != 0 || second.code != 0 { Issue.record("\(first.error)\(second.error)") }
      return (ladder, single, folder)
    } catch {
      Issue.record(error)
      return ("", "", nil)
    }
  }()

  private static let picture = Directory.path(
    Directory.parent(of: Proven.checkpoint),
    "evaluation/familiar-000-form.jpg")

  @Test func inspectShowsTheLadderAndTheProofCoversIt() throws {
    let outcome = try Program.martlet.run("inspect", Self.packs.ladder, "--json")
    #expect(outcome.code == 0, "\(outcome.error)")
    let json = try JSONValue.only(in: outcome.output)
    #expect(json["resolution"]?.int == 256)
    #expect(json["ladder"]?.array?.map { $0["resolution"]?.int } == [128, 192])
    let sides = (json["proof"]?.array ?? []).compactMap { $0["side"]?.int }
    #expect(Set(sides).isSuperset(of: Self.sides))
    let verified = try Program.martlet.run("verify", Self.packs.ladder)
    #expect(verified.code == 0, "\(verified.error)")
    let tested = try Program.board.run(Self.packs.ladder, "--self-test")
    #expect(tested.code == 0, "\(tested.error)")
  }

  @Test(arguments: [Program.martlet, .board])
  func theDeadlineChoosesAndSaysWhy(program: Program) throws {
    func run(_ deadline: String) throws -> (side: Int?, text: String?, error: String) {
      let words = ["--image", Self.picture, "--prompt", "What is this?", "--json"]
      let outcome = try program.run(
        (program.name == "martlet" ? ["run"] : []) + [Self.packs.ladder] + words
          + ["--deadline-ms", deadline])
      #expect(outcome.code == 0, "\(outcome.error)")
      let json = try JSONValue.only(in: outcome.output)
      return (json["resolution"]?.int, json["text"]?.string, outcome.error)
    }
    let generous = try run("60000")
    #expect(generous.side == 256)
    #expect(generous.error.contains("runs at 256²: the first token takes 128² "))
    #expect(generous.text == "form")
    let impossible = try run("0.001")
    #expect(impossible.side == 128)
    #expect(impossible.error.contains("too slow"))
  }

  @Test func aRungComparesLikeAPackOfItsOwn() throws {
    let directory = try TemporaryDirectory()
    let line =
      "{\"image\": \"\(Self.picture)\", \"question\": \"What is this?\", \"answer\": \"form\"}"
    let questions = try directory.write(line, to: "q.jsonl")
    func verified(_ pack: String, _ more: [String]) throws -> JSONValue {
      let outcome = try Program.martlet.run(
        [
          "verify", pack, "--reference", Proven.checkpoint, "--questions", questions, "--json",
          "--quiet", "--layer-pictures", "0",
        ] + more)
      #expect(outcome.code == 0, "\(outcome.error)")
      return try JSONValue.only(in: outcome.output)
    }
    let rung = try verified(Self.packs.ladder, ["--resolution", "192"])
    let single = try verified(Self.packs.single, [])
    for key in ["inputs", "encoder", "image_tokens", "logits", "text"] {
      #expect(rung[key]?.text() == single[key]?.text(), "\(key)")
    }
    let unknown = try Program.martlet.run(
      "verify", Self.packs.ladder, "--reference", Proven.checkpoint, "--questions", questions,
      "--resolution", "64")
    #expect(unknown.code == 64)
    #expect(unknown.report.contains("expected: one of 128, 192, 256"))
  }

  /// Ranges of pixels and features differ from size to size: those of a rung are what a pack made at that size alone holds.
  @Test func aRungHasTheRangesOfItsOwnSize() throws {
    let directory = try TemporaryDirectory()
    let pictures = directory.path("shown")
    try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: false)
    try FileManager.default.copyItem(
      atPath: Self.picture, toPath: Directory.path(pictures, "form.jpg"))
    func made(_ name: String, _ sizes: [String]) throws -> Pack {
      let path = directory.path(name)
      let outcome = try Program.martlet.run(
        ["convert", Proven.checkpoint, "-o", path, "--activations", "calibrated"]
          + ["--calibration", pictures, "--rounding", "nearest", "--no-proof", "--quiet"] + sizes)
      #expect(outcome.code == 0, "\(outcome.error)")
      return try Pack(path: path)
    }
    let ladder = try made("ladder.martlet", ["--resolutions", "192,256"])
    let single = try made("single.martlet", ["--resolution", "192"])
    let rung = ladder.plan.at(192, rungs: ladder.rungs)
    var ranges = 0
    for network in ladder.description.networks where network.role != .language {
      for layer in network.layers {
        #expect(
          rung.activations[layer.name] == single.plan.activations[layer.name], "\(layer.name)")
        if case .fixed? = rung.activations[layer.name] { ranges += 1 }
      }
    }
    #expect(ranges > 0)
    #expect(rung.activations != ladder.plan.activations)
  }

  @Test func diffTellsLaddersApart() throws {
    let other = try Program.martlet.run(
      "diff", Self.packs.ladder, Self.packs.single)
    #expect(other.code == 1)
    #expect(other.output.contains("further resolutions"))
  }

  @Test(arguments: [
    ["--resolutions", "128,128"], ["--resolutions", "128,x"], ["--resolutions", ""],
    ["--resolutions", "1,2,3,4,5,6,7,8,9"], ["--resolutions", "128", "--resolution", "128"],
    ["--resolutions", "100,128"],
  ])
  func listsOfSidesThatMakeNoSenseAreRefused(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let outcome = try Program.martlet.run(
      ["convert", Proven.checkpoint, "-o", directory.path("x.martlet"), "--quiet"] + options)
    #expect(outcome.code == 64, "\(outcome.error)")
  }
}
