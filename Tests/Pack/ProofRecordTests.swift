import Foundation
import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// `PROF` written, read, and refused where it breaks a rule of the page.
@Suite struct ProofRecordTests {
  private let bench: Workbench

  init() throws { bench = try Workbench() }

  private static func summary(_ value: Float) -> Proof.Summary {
    Proof.Summary(
      mean: value, rootMeanSquare: value + 1, largest: value + 2, samples: [1, 2, 3, value])
  }

  /// A proof for the model of every op, with an answer to one of its pictures.
  private static func proof(of pack: Pack) throws -> Proof {
    func golden(_ name: String, _ picture: Pixels, answers: Bool) throws -> Proof.Golden {
      let count = pack.description.networks.filter { answers || $0.role != .language }
        .reduce(0) { $0 + $1.layers.count }
      return Proof.Golden(
        name: name, picture: try StoredPicture(picture), side: 64,
        pixels: SHA256.digest([1]), smallPixels: SHA256.digest([2]),
        layers: (0..<count).map {
          Proof.LayerMark(
            checksum: UInt64($0), pack: summary(Float($0)), reference: summary(-1),
            signalToNoise: 31.5)
        },
        answer: answers
          ? Proof.GoldenAnswer(
            question: "Ünd?", promptIDs: [1, PromptTemplate.imageSentinel, 7],
            packCandidates: [.init(id: 2, logit: 1.5), .init(id: 0, logit: -3)],
            referenceCandidates: [.init(id: 2, logit: 1.25)], divergence: 0.01, packIDs: [2, 2],
            referenceIDs: [2], packText: "abab", referenceText: "ab") : nil)
    }
    // What zstd shrinks a little, and what it cannot.
    var generator = SeededGenerator(seed: 3)
    let noise = Pixels(height: 3, width: 5, bytes: generator.bytes(45))
    var bytes: [UInt8] = []
    for index in 0..<16 * 40 * 3 { bytes.append(UInt8(index % 240 + index / 960)) }
    let slope = Pixels(height: 16, width: 40, bytes: bytes)
    return Proof(
      origin: .given, records: pack.coveredChecksums, tensors: pack.tensors.map(\.mark),
      probe: Proof.Probe(text: "ab", ids: [2]),
      goldens: [
        try golden("a.png", slope, answers: true), try golden("ñ", noise, answers: false),
      ])
  }

  /// The bytes of a pack with a proof.
  private func proven() throws -> [UInt8] {
    let path = bench.path("proven.martlet")
    let unnamed = try PackWriter(frameBytes: 256).begin(
      EveryOpModel.quantized(), provenance: Workbench.provenance, to: path, pool: bench.pool)
    try unnamed.append(try Self.proof(of: unnamed.opened()))
    _ = try unnamed.commit()
    return try bench.read(path)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let (pack, _) = try bench.load(proven())
    #expect(pack.proof == (try Self.proof(of: pack)))
    #expect(pack.records.last?.type == "PROF")
    #expect(pack.records.last?.isCritical == false)
    #expect(pack.proofBytes == Int(pack.records.last?.byteCount ?? 0))
    let pictures = try #require(pack.proof).goldens.map(\.picture)
    #expect(try pictures[0].pixels().bytes.prefix(3) == [0, 1, 2])
    #expect(try pictures[1].pixels().bytes.count == 45)
    #expect(pictures[0].storedBytes < 16 * 40 * 3)
    #expect(pictures[1].storedBytes == 45)
  }

  @Test func packsWithoutOneHaveNone() throws {
    let pack = try bench.open(bench.packed())
    #expect(pack.proof == nil)
    #expect(pack.proofBytes == 0)
    // The rest of the pack is the same with and without.
    var with = PackImage(try proven())
    with.records.removeLast()
    #expect(try with.signed() == bench.packed())
  }

  @Test func aPackThatIsNotProvenLeavesNothing() throws {
    do {
      _ = try PackWriter().begin(
        EveryOpModel.quantized(), provenance: Workbench.provenance, to: bench.path("gone.martlet"),
        pool: bench.pool)
    }
    #expect(bench.fault(at: bench.path("gone.martlet")) != nil)
  }

  @Test func laterVersionsAreSkipped() throws {
    var image = PackImage(try proven())
    image.records[image.records.count - 1].version = 2
    let pack = try bench.open(image.signed())
    #expect(pack.proof == nil)
  }

  // MARK: Rules

  /// Offsets into the record: its fixed head, then the tensors, then the probe.
  private static func offsets(_ image: PackImage) -> (tensors: Int, probe: Int, golden: Int) {
    let tensors = 1 + 5 * 8
    let count = Int(PackImage.number(image["PROF"], tensors, 4))
    let probe = tensors + 4 + 8 * count
    return (tensors, probe, probe + 4 + 2 + 4 + 4 + 4)
  }

  struct Break: CustomTestStringConvertible, Sendable {
    var what: String
    var change: @Sendable (inout [UInt8], (tensors: Int, probe: Int, golden: Int)) -> Void
    var testDescription: String { what }
  }

  static let breaks: [Break] = [
    Break(what: "origin of pictures") { record, _ in record[0] = 2 },
    Break(what: "tensor count") { record, at in record[at.tensors] -= 1 },
    Break(what: "token id") { record, at in
      PackImage.store(0xFFFF_FFFF, 4, in: &record, at: at.probe + 4 + 2 + 4)
    },
    Break(what: "picture count") { record, at in record[at.golden - 4] = 0 },
    Break(what: "picture count") { record, at in record[at.golden - 4] = 9 },
    // Behind the name of five letters.
    Break(what: "height") { record, at in record[at.golden + 9] = 0 },
    Break(what: "width") { record, at in
      PackImage.store(513, 4, in: &record, at: at.golden + 13)
    },
    Break(what: "storage") { record, at in record[at.golden + 17] = 4 },
    Break(what: "picture size") { record, at in
      PackImage.store(512, 4, in: &record, at: at.golden + 9)
      PackImage.store(512, 4, in: &record, at: at.golden + 13)
    },
    Break(what: "side") { record, at in
      let stored = Int(PackImage.number(record, at.golden + 18, 4))
      PackImage.store(65, 4, in: &record, at: at.golden + 22 + stored)
    },
    Break(what: "whether there is an answer") { record, at in
      let stored = Int(PackImage.number(record, at.golden + 18, 4))
      record[at.golden + 22 + stored + 4 + 64] = 2
    },
    Break(what: "mean") { record, at in
      let stored = Int(PackImage.number(record, at.golden + 18, 4))
      let layer = at.golden + 22 + stored + 4 + 64 + 1
      PackImage.store(UInt64(Float.nan.bitPattern), 4, in: &record, at: layer + 8)
    },
    Break(what: "signal-to-noise ratio") { record, at in
      let stored = Int(PackImage.number(record, at.golden + 18, 4))
      let layer = at.golden + 22 + stored + 4 + 64 + 1
      PackImage.store(UInt64(Float(201).bitPattern), 4, in: &record, at: layer + 64)
    },
  ]

  @Test(arguments: breaks)
  func fieldsOutOfRangeAreNamed(rule: Break) throws {
    var image = PackImage(try proven())
    let offsets = Self.offsets(image)
    rule.change(&image["PROF"], offsets)
    guard case .field(.record("PROF"), _, let what, _) = try bench.fault(image.signed()) else {
      Issue.record("accepted")
      return
    }
    #expect(what == rule.what)
  }

  @Test func countsThatTheBytesCannotHoldAreRefused() throws {
    for field in [\(tensors: Int, probe: Int, golden: Int).tensors, \.probe, \.golden] {
      var image = PackImage(try proven())
      let place = Self.offsets(image)[keyPath: field]
      PackImage.store(0xFFFF_FFF0, 4, in: &image["PROF"], at: place)
      let fault = try bench.fault(image.signed())
      guard case .truncatedRecord(.record("PROF"), _, _, _) = fault else {
        Issue.record("\(String(describing: fault))")
        return
      }
    }
  }

  @Test func everyCutIsAnErrorAndNoDamageACrash() throws {
    let whole = try proven()
    let image = PackImage(whole)
    let size = image["PROF"].count
    for kept in stride(from: 0, to: size, by: 7) {
      var cut = image
      cut["PROF"] = Array(image["PROF"].prefix(kept))
      #expect(try bench.fault(cut.signed()) != nil, "\(kept) of \(size) bytes")
    }
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      var damaged = image
      let place = generator.int(in: 0...size - 1)
      damaged["PROF"][place] ^= UInt8(1 << generator.int(in: 0...7))
      // A value or an error; pictures are unpacked only here.
      guard let pack = try? bench.open(damaged.signed()) else { continue }
      for golden in pack.proof?.goldens ?? [] { _ = try? golden.picture.pixels() }
    }
  }

  @Test func aPictureThatIsNoFrameIsNamed() throws {
    var image = PackImage(try proven())
    let golden = Self.offsets(image).golden
    image["PROF"][golden + 22] ^= 0xFF
    let pack = try bench.open(image.signed())
    let picture = try #require(pack.proof).goldens[0].picture
    #expect(throws: PackError.self) { try picture.pixels() }
  }
}

/// A proof that another writer made from the format's page (Tests/Fixtures/pack/make_proven.py).
@Suite struct OtherWritersProofTests {
  @Test func theirProofIsReadAsThePageSays() throws {
    let path =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/pack/every-op-proven.martlet").path
    let pack = try Pack(path: path)
    let proof = try #require(pack.proof)
    #expect(proof.origin == .given)
    #expect(proof.records == pack.coveredChecksums)
    #expect(proof.tensors == pack.tensors.map(\.mark))
    #expect(proof.probe == Proof.Probe(text: "ab", ids: [2]))
    #expect(proof.goldens.map(\.name) == ["a.png", "ñ"])
    for golden in proof.goldens {
      let pixels = try golden.picture.pixels()
      let (x, y) = (pixels.width - 1, pixels.height - 1)
      #expect(Int(pixels.bytes[(y * pixels.width + x) * 3 + 2]) == (x * 7 + y * 3 + 80) % 251)
      #expect(golden.side == 64)
      #expect(golden.pixels == (0..<32).map { UInt8($0) })
      #expect(golden.smallPixels == (32..<64).map { UInt8($0) })
      #expect(golden.layers[2].pack.mean == 2)
      #expect(golden.layers[2].pack.samples == [1, 0.5, 0.25, -2])
      #expect(golden.layers[2].reference.largest == 0)
      #expect(golden.layers[2].signalToNoise == 22)
    }
    let answer = try #require(proof.goldens[0].answer)
    #expect(answer.question == "Ünd?")
    #expect(answer.promptIDs == [1, PromptTemplate.imageSentinel, 7])
    #expect(answer.packCandidates == [.init(id: 2, logit: 1.5), .init(id: 0, logit: -3)])
    #expect(answer.referenceIDs == [2])
    #expect(answer.packText == "abab")
    #expect(proof.goldens[1].answer == nil)
  }
}
