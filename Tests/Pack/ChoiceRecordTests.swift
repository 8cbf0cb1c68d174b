import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// `WHYP` written, read, and refused where it breaks a rule of the page.
@Suite struct ChoiceRecordTests {
  private let bench: Workbench

  init() throws { bench = try Workbench() }

  private static let choice = PrecisionChoice(
    limits: .init(divergence: 0.01, bytes: nil, milliseconds: 1500),
    measured: .init(divergence: 0.007, bytes: 123_456, milliseconds: 1400.5),
    units: [
      .init(
        layer: "vision.ä", chosen: 1,
        options: [
          .init(encoding: .int8Panels, divergence: 1e-5, bytes: 900, milliseconds: 2),
          .init(encoding: .int4Panels, divergence: 2e-3, bytes: 500, milliseconds: 1.5),
          .init(encoding: .float32Panels, divergence: 0, bytes: 3000, milliseconds: 8),
        ]),
      .init(
        layer: "b", chosen: 0,
        options: [.init(encoding: .int8Panels, divergence: 0, bytes: 1, milliseconds: 0)]),
    ])

  private func bytes() throws -> [UInt8] {
    let path = bench.path("chosen.martlet")
    let unnamed = try PackWriter(frameBytes: 256).begin(
      EveryOpModel.quantized(), provenance: Workbench.provenance, to: path, pool: bench.pool)
    try unnamed.append(Self.choice)
    _ = try unnamed.commit()
    return try bench.read(path)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let pack = try bench.open(bytes())
    #expect(pack.choice == Self.choice)
    #expect(pack.records.last?.type == "WHYP")
    #expect(pack.records.last?.isCritical == false)
    var without = PackImage(try bytes())
    without.records.removeLast()
    #expect(try without.signed() == bench.packed())
    #expect(try bench.open(bench.packed()).choice == nil)
  }

  @Test func rulesAreHeld() throws {
    // Two sets of figures, the count of units, the name of the first.
    let chosen = 2 * 24 + 4 + 4 + "vision.ä".utf8.count
    let changes: [(what: String, change: (inout [UInt8]) -> Void)] = [
      ("chosen option", { $0[chosen] = 3 }),
      ("encoding of an option", { $0[chosen + 2] = 2 }),
      // The exponent of a double, all ones.
      (
        "divergence",
        {
          $0[7] = 0x7F
          $0[6] = 0xF0
        }
      ),
    ]
    for (what, change) in changes {
      var image = PackImage(try bytes())
      change(&image["WHYP"])
      let fault = #expect(throws: PackError.self) { try bench.open(image.signed()) }
      guard case .field(_, _, let found, _)? = fault else {
        Issue.record("\(what): \(String(describing: fault))")
        continue
      }
      #expect(found == what)
    }
    var image = PackImage(try bytes())
    image["WHYP"].removeLast()
    #expect(throws: PackError.self) { try bench.open(image.signed()) }
  }
}
