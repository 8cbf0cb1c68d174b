import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// `PREP` written, read, and refused where it breaks a rule of the page.
@Suite struct PreparationRecordTests {
  private let bench: Workbench

  init() throws { bench = try Workbench() }

  /// The model of every op, one value of it named as a balanced one.
  private func balanced() throws -> (model: QuantizedModel, preparation: ModelPreparation) {
    let model = try EveryOpModel.quantized()
    var description = model.description
    let last = description.networks[0].layers.count - 1
    let output = description.networks[0].layers[last].output.index
    let name = description.networks[0].values[output].name
    let channels = description.networks[0].values[output].shape.channels
    description.networks[0].values[output].name = name + ModelPreparation.scaledSuffix
    let preparation = ModelPreparation(
      scaled: [.init(value: name, factors: (0..<channels).map { 0.25 + Float($0) })])
    return (
      try QuantizedModel(
        description: description, plan: model.plan, parameters: model.parameters,
        preparation: preparation), preparation
    )
  }

  private func bytes() throws -> [UInt8] {
    let path = bench.path("prepared.martlet")
    try PackWriter(frameBytes: 256).write(
      balanced().model, provenance: Workbench.provenance, to: path, pool: bench.pool)
    return try bench.read(path)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let pack = try bench.open(bytes())
    #expect(try pack.preparation == balanced().preparation)
    #expect(pack.records.first { $0.type == "PREP" }?.isCritical == false)
  }

  @Test func packsWithoutOneHaveNone() throws {
    let pack = try bench.open(bench.packed())
    #expect(pack.preparation.isEmpty)
    #expect(!pack.records.contains { $0.type == "PREP" })
  }

  @Test func rulesAreHeld() throws {
    let name = try balanced().preparation.scaled[0].value
    /// Two counts and the name's own length stand before it.
    let name0 = 4 + 4 + 4
    let changes: [(what: String, change: (inout [UInt8]) -> Void)] = [
      ("value", { $0[name0] ^= 1 }),
      ("factor count", { $0[name0 + name.utf8.count] -= 1 }),
      // The sign of the first factor.
      ("factor", { $0[name0 + name.utf8.count + 4 + 3] |= 0x80 }),
    ]
    for (what, change) in changes {
      var image = PackImage(try bytes())
      change(&image["PREP"])
      let fault = #expect(throws: PackError.self) { try bench.open(image.signed()) }
      guard case .field(_, _, let found, _)? = fault else {
        Issue.record("\(what): \(String(describing: fault))")
        continue
      }
      #expect(found == what)
    }
    var image = PackImage(try bytes())
    image["PREP"].append(0)
    #expect(throws: PackError.self) { try bench.open(image.signed()) }
    image["PREP"].removeLast(2)
    #expect(throws: PackError.self) { try bench.open(image.signed()) }
  }
}
