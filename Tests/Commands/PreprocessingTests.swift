import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// Which way of preparing a picture another program used, found by its pixels and by its answers.
@Suite struct PreprocessingTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/preprocessing").standardized.path()

  private func diagnosis(_ name: String) throws -> (outcome: Program.Outcome, json: JSONValue) {
    let outcome = try Program.martlet.run(
      "preprocessing", Tiny.llava, "--image", Tiny.wide, "--pixels",
      Directory.path(Self.folder, name + ".npy"), "--json", "--quiet")
    return (outcome, try JSONValue.only(in: outcome.output))
  }

  @Test(arguments: [
    ("pad-gray-bilinear-clip", "pad", "bilinear", "mean and deviation of CLIP", false),
    ("crop-bicubic-bgr", "crop", "bicubic", "-1 to 1", true),
    ("stretch-bilinear-plain", "stretch", "bilinear-plain", "0 to 255", false),
  ])
  func theWayAnotherLibraryTookIsNamed(
    name: String, fit: String, filter: String, numbers: String, isBlueFirst: Bool
  ) throws {
    let (outcome, json) = try diagnosis(name)
    #expect(outcome.code == 0, "\(outcome.error)")
    let nearest = json["pixels"]?["variants"]?.array?.first
    #expect(nearest?["fit"]?.string == fit)
    #expect(nearest?["filter"]?.string == filter)
    #expect(nearest?["numbers"]?.string == numbers)
    #expect(nearest?["blue_first"]?.bool == isBlueFirst)
    #expect(nearest?["match"]?.bool == true)
    if fit == "pad" { #expect(nearest?["fill"]?.array?.map(\.int) == [127, 127, 127]) }
    // The picture tells this way from all others.
    #expect(json["pixels"]?["matches"]?.array?.count == 1)
  }

  @Test func noKnownWayIsSaidToBeNone() throws {
    let (outcome, json) = try diagnosis("unknown")
    #expect(outcome.code == 1)
    #expect(json["matches"]?.bool == false)
    #expect(json["pixels"]?["matches"]?.array?.isEmpty == true)
    #expect((json["pixels"]?["variants"]?.array?.count ?? 0) == 98)
    let words = try Program.martlet.run(
      "preprocessing", Tiny.llava, "--image", Tiny.wide, "--pixels",
      Directory.path(Self.folder, "unknown.npy"))
    #expect(words.output.contains("none of the known ways gives these pixels; the nearest:"))
  }

  @Test func answersTellTheOrderOfPictureAndQuestion() throws {
    let nano = Directory.parent(of: Proven.checkpoint)
    let directory = try TemporaryDirectory()
    let pictures = ["familiar-000-form.jpg", "familiar-001-chart.jpg"].map {
      Directory.path(Directory.path(nano, "evaluation"), $0)
    }
    func asked(_ question: String, _ answers: [String]) throws -> Program.Outcome {
      let lines = zip(pictures, answers).map { picture, answer in
        "{\"image\": \"\(picture)\", \"question\": \"\(question)\", \"answer\": \"\(answer)\"}"
      }
      let path = try directory.write(lines.joined(separator: "\n"), to: "a.jsonl")
      return try Program.martlet.run(
        "preprocessing", Proven.pack, "--answers", path, "--max-tokens", "8", "--json", "--quiet")
    }
    let right = try asked("What is this?", ["form", "chart"])
    #expect(right.code == 0, "\(right.error)")
    let best = try JSONValue.only(in: right.output)["answers"]?["matches"]?.array ?? []
    #expect(
      best.contains {
        $0.string == "pad on black, bicubic, antialiased; picture first; the model's system prompt"
      })
    let wrong = try asked("What is this?", ["no such answer", "nor this"])
    #expect(wrong.code == 1)
    #expect(try JSONValue.only(in: wrong.output)["answers"]?["matches"]?.array?.isEmpty == true)
  }

  @Test func everyCutOfAFileIsRefused() throws {
    let directory = try TemporaryDirectory()
    let whole = try SmallFile.bytes(of: Directory.path(Self.folder, "unknown.npy"))
    for count in [0, 5, 9, 60, 127, 128, 129, whole.count - 1] {
      let path = try directory.write(Array(whole[..<count]), to: "cut.npy")
      let outcome = try Program.martlet.run(
        "preprocessing", Tiny.llava, "--image", Tiny.wide, "--pixels", path)
      #expect(outcome.code == 65, "\(count): \(outcome.error)")
    }
  }

  @Test(arguments: [
    [], ["--pixels", "x.npy"], ["--image", "x.png"], ["--answers", "x", "--tensor", "y"],
  ])
  func nonsenseIsRefused(options: [String]) throws {
    let outcome = try Program.martlet.run(["preprocessing", Tiny.llava] + options)
    #expect(outcome.code == 64, "\(outcome.error)")
  }
}
