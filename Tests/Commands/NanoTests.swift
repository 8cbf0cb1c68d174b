import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// The trained model in the repository, asked about pictures that training never saw.
@Suite struct NanoTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/nano").standardized.path()
  private static let checkpoint = folder + "/checkpoint"

  /// A scheme, how many questions of each half it is asked, and how much of the score it may lose.
  struct Trial: CustomTestStringConvertible {
    var scheme: String
    var questions: Int
    var drop: String

    var testDescription: String { scheme }
  }

  /// The first questions of both halves of the evaluation set, with absolute paths.
  private func questions(_ count: Int, in directory: TemporaryDirectory) throws -> String {
    let path = Self.folder + "/evaluation/questions.jsonl"
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    let chosen = ["familiar", "unseen"].flatMap { group in
      lines.filter { $0.contains("\"group\": \"\(group)\"") }.prefix(count)
    }
    let absolute = chosen.map {
      $0.replacing("\"image\": \"", with: "\"image\": \"\(Self.folder)/evaluation/")
    }
    return try directory.write(absolute.joined(separator: "\n"), to: "q.jsonl")
  }

  @Test(arguments: [
    Trial(scheme: "int8", questions: .max, drop: "0.01"),
    Trial(scheme: "int4", questions: 150, drop: "0.02"),
  ])
  func quantizedNanoAnswersAsTheReferenceDoes(trial: Trial) throws {
    let directory = try TemporaryDirectory()
    let pack = directory.path("nano.martlet")
    let converted = try Program.martlet.run([
      "convert", Self.checkpoint, "-o", pack, "--scheme", trial.scheme, "--quiet",
      "--calibration", Self.folder + "/../../../Calibration/Images",
    ])
    #expect(converted.code == 0, "\(converted.error)")
    let verified = try Program.martlet.run(
      ["verify", pack, "--reference", Self.checkpoint, "--json", "--quiet"]
        + ["--questions", try questions(trial.questions, in: directory)]
        + ["--max-score-drop", trial.drop])
    let json = try JSONValue.only(in: verified.output)
    #expect(verified.code == 0, "\(verified.output)")
    let familiar = try #require(json["groups"]?["familiar"]?["reference_score"]?.double)
    let unseen = try #require(json["groups"]?["unseen"]?["reference_score"]?.double)
    // What the model is held to counts on the whole set, not on a part of it.
    guard trial.questions == .max else { return }
    #expect(familiar >= 0.95)
    #expect(unseen >= 0.8)
    let noise = try #require(json["image_tokens"]?["sqnr_db"]?.double)
    #expect(noise >= 38)
    let divergence = try #require(json["logits"]?["kl_mean"]?.double)
    #expect(divergence <= 0.002)
    let agreement = try #require(json["logits"]?["top1_agreement"]?.double)
    #expect(agreement >= 0.995)
  }
}
