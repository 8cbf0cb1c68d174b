import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// Further sizes of pictures in a pack.
@Suite struct LadderTests {
  private let bench: Workbench
  private let model: QuantizedModel
  /// A layer of the encoder or the projector whose range is fixed.
  private let fixed: String

  init() throws {
    bench = try Workbench()
    let made = try EveryOpModel.quantized()
    var plan = made.plan
    // Integer products of a picture's networks get fixed ranges.
    var first: String?
    for network in made.description.networks where network.role != .language {
      for layer in network.layers where plan.activations[layer.name] == .dynamic {
        plan.activations[layer.name] = .fixed(scale: 0.5, zeroPoint: 7)
        first = first ?? layer.name
      }
      for layer in network.layers {
        if case .fixed? = plan.activations[layer.name] { first = first ?? layer.name }
      }
    }
    fixed = try #require(first)
    model = try QuantizedModel(
      description: made.description, plan: plan, parameters: made.parameters)
  }

  private func pack(_ rungs: [Rung]) throws -> Pack {
    let path = bench.path("ladder.martlet")
    _ = try PackWriter().begin(
      model, rungs: rungs, provenance: Workbench.provenance, to: path, pool: bench.pool
    ).commit()
    return try Pack(path: path)
  }

  private var own: Int { model.description.image.resolution }

  @Test func rungsComeBack() throws {
    let rungs = [
      Rung(side: own / 4),
      Rung(side: own / 2, activations: [fixed: .fixed(scale: 0.25, zeroPoint: 9)]),
    ]
    let pack = try pack(rungs)
    #expect(pack.rungs == rungs)
    #expect(pack.description == model.description)
    #expect(pack.plan.at(own, rungs: pack.rungs) == model.plan)
    #expect(pack.plan.at(own / 4, rungs: pack.rungs) == model.plan)
    var changed = model.plan
    changed.activations[fixed] = .fixed(scale: 0.25, zeroPoint: 9)
    #expect(pack.plan.at(own / 2, rungs: pack.rungs) == changed)
    #expect(
      model.plan.rung(own / 2, from: changed, networks: model.description.networks) == rungs[1])
  }

  @Test func aPackWithoutLadderHasNoRecordOfIt() throws {
    let pack = try pack([])
    #expect(pack.rungs.isEmpty)
    #expect(!pack.records.contains { $0.type == "RESO" })
  }

  @Test func rungsThatBreakARuleAreRefused() throws {
    let language = try #require(
      model.description.network(.language)?.layers.first {
        model.plan.activations[$0.name] != nil
      })
    let refused: [[Rung]] = [
      [Rung(side: own)], [Rung(side: 0)], [Rung(side: own / 2), Rung(side: own / 4)],
      [Rung(side: own / 2), Rung(side: own / 2)],
      (1...8).map { Rung(side: $0) },
      [Rung(side: own / 2, activations: [fixed: .dynamic])],
      [Rung(side: own / 2, activations: [language.name: .fixed(scale: 1, zeroPoint: 0)])],
      [Rung(side: own / 2, activations: ["no.layer": .fixed(scale: 1, zeroPoint: 0)])],
    ]
    for rungs in refused {
      #expect(throws: PackError.self, "\(rungs)") { _ = try pack(rungs) }
    }
  }

  @Test func everyCutOfTheRecordIsAnError() throws {
    _ = try pack([Rung(side: own / 2, activations: [fixed: .fixed(scale: 1, zeroPoint: 0)])])
    let image = PackImage(try bench.read(bench.path("ladder.martlet")))
    let whole = image["RESO"]
    for count in 0..<whole.count {
      var cut = image
      cut["RESO"] = Array(whole[..<count])
      #expect(try bench.fault(cut.signed()) != nil, "\(count) bytes")
    }
    var longer = image
    longer["RESO"].append(0)
    #expect(try bench.fault(longer.signed()) != nil)
  }
}
