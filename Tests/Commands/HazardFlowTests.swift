import Foundation
import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// A random model with the pathologies of trained ones planted in it, beside its twin without.
@Suite struct HazardFlowTests {
  private static let pictures = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Calibration/Images").standardized.path()

  /// Rms error of the image tokens in percent, and whether the doctor found something.
  private func error(
    _ checkpoint: String, _ options: [String], in directory: TemporaryDirectory
  ) throws -> Double {
    let pack = directory.path("\(UInt64.random(in: 0 ... .max)).martlet")
    let converted = try Program.martlet.run(
      ["convert", checkpoint, "-o", pack, "--scheme", "int8", "--quiet"] + options)
    #expect(converted.code == 0, "\(converted.error)")
    let verified = try Program.martlet.run([
      "verify", pack, "--reference", checkpoint, "--images", directory.path("seen"), "--json",
      "--quiet", "--max-tokens", "1",
    ])
    #expect(verified.code == 0, "\(verified.error)")
    let noise = try #require(
      try JSONValue.only(in: verified.output)["image_tokens"]?["sqnr_db"]?.double)
    return 100 * pow(10, -noise / 20)
  }

  /// Every layer of a prepared pack is held against the reference by its own numbers, in the proof and by verify; restoring
  /// layers helps.
  private func layersAreCompared(
    _ checkpoint: String, _ options: [String], in directory: TemporaryDirectory
  ) throws {
    let pack = directory.path("prepared.martlet")
    let converted = try Program.martlet.run(
      ["convert", checkpoint, "-o", pack, "--quiet"] + options)
    #expect(converted.code == 0, "\(converted.error)")
    let checked = try Program.martlet.run(["verify", pack, "--json"])
    #expect(checked.code == 0, "\(checked.error)")
    let opened = try Pack(path: pack)
    #expect(!opened.preparation.scaled.isEmpty)
    let inspected = try JSONValue.only(in: Program.martlet.run(["inspect", pack, "--json"]).output)
    #expect(
      inspected["preparation"]?.array?.count
        == opened.preparation.scaled.count + opened.preparation.split.count)
    let golden = try #require(opened.proof?.goldens.first)
    for (layer, mark) in zip(opened.description.networks.flatMap(\.layers), golden.layers)
    where mark.checksum != 0 {
      #expect(mark.signalToNoise > 10, "\(layer.name)")
    }
    let verified = try Program.martlet.run([
      "verify", pack, "--reference", checkpoint, "--images", directory.path("seen"), "--json",
      "--quiet", "--max-tokens", "1", "--what-if", "1", "--what-if-pictures", "1",
    ])
    #expect(verified.code == 0, "\(verified.error)")
    let json = try JSONValue.only(in: verified.output)
    let names = Set(json["layers"]?.array?.compactMap { $0["name"]?.string } ?? [])
    for network in opened.description.networks where network.role == .vision {
      #expect(names.isSuperset(of: network.layers.map(\.name)))
    }
    for layer in json["layers"]?.array ?? [] {
      #expect(layer["introduced_db"]?.double ?? 99 > 20, "\(layer)")
    }
    let whatIf = try #require(json["what_if"])
    let before = try #require(whatIf["baseline"]?["sqnr_db"]?.double)
    let after = whatIf["trials"]?.array?.compactMap { $0["sqnr_db"]?.double }.max()
    #expect(try #require(after) > before + 1)
  }

  @Test func defaultsSurviveWhatPlainRoundingDoesNot() throws {
    let directory = try TemporaryDirectory()
    for folder in ["shown", "seen"] {
      try FileManager.default.createDirectory(
        atPath: directory.path(folder), withIntermediateDirectories: true)
    }
    for index in 0..<12 {
      let names = try FileManager.default.contentsOfDirectory(atPath: Self.pictures).sorted()
      try FileManager.default.copyItem(
        atPath: "\(Self.pictures)/\(names[index])",
        toPath: directory.path(index < 8 ? "shown" : "seen") + "/\(names[index])")
    }
    for (name, options) in [("twin", []), ("planted", ["--hazards"])] {
      let made = try Program.martlet.run(
        ["synthesize", "--size", "tiny", "-o", directory.path(name), "--quiet"] + options)
      #expect(made.code == 0, "\(made.error)")
    }
    let calibrated = ["--calibration", directory.path("shown")]
    let twin = try error(directory.path("twin"), calibrated, in: directory)
    let planted = try error(directory.path("planted"), calibrated, in: directory)
    let plain = ["--rounding", "nearest", "--no-balance"]
    let naive = try error(directory.path("planted"), calibrated + plain, in: directory)
    #expect(planted < twin + 1, "\(planted) % beside \(twin) %")
    #expect(naive > planted + 5, "\(naive) %")
    try layersAreCompared(directory.path("planted"), calibrated, in: directory)
    // Without pictures the weights themselves tell.
    let blindTwin = try error(directory.path("twin"), [], in: directory)
    let blind = try error(directory.path("planted"), [], in: directory)
    let blindNaive = try error(directory.path("planted"), ["--no-balance"], in: directory)
    #expect(blind < blindTwin + 1, "\(blind) % beside \(blindTwin) %")
    #expect(blindNaive > blind + 5, "\(blindNaive) %")

    // The doctor says what is there, and that the twin is well.
    let sick = try Program.martlet.run(["doctor", directory.path("planted"), "--json", "--quiet"])
    let kinds = try JSONValue.only(in: sick.output)["hazards"]?.array?.compactMap {
      $0["kind"]?.string
    }
    #expect(sick.code == 0)
    #expect(Set(kinds ?? []).isSuperset(of: ["tiny_variance", "spread"]))
    let well = try Program.martlet.run(["doctor", directory.path("twin"), "--quiet"])
    #expect(well.code == 0)
    #expect(well.output.contains("no hazards found"))
  }

  /// What was planted leaves the answers alone.
  @Test func bothTwinsSeeTheSame() throws {
    let directory = try TemporaryDirectory()
    let picture = Self.pictures + "/00-receipt.jpg"
    var found: [[String]] = []
    for (name, options) in [("twin", []), ("planted", ["--hazards"])] {
      _ = try Program.martlet.run(
        ["synthesize", "--size", "tiny", "-o", directory.path(name), "--quiet"] + options)
      let run = try Program.martlet.run([
        "run", directory.path(name), "--image", picture, "--prompt", "?", "--max-tokens", "12",
        "--json",
      ])
      let ids = try JSONValue.only(in: run.output)["token_ids"]?.array
      found.append((ids ?? []).map { $0.text(.indented) })
    }
    #expect(found[0].count > 2)
    #expect(found[0] == found[1])
  }
}
