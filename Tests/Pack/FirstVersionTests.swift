import Foundation
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// A pack that another writer made from the format's page (Tests/Fixtures/pack/make_pack.py), and that stands for all
/// packs of version 1 that exist: it must stay readable.
@Suite struct FirstVersionTests {
  private let bench: Workbench
  private let path: String

  init() throws {
    bench = try Workbench()
    path =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/pack/every-op-v1.martlet").path
  }

  @Test func descriptionIsReadAsThePageSays() throws {
    let pack = try Pack(path: path)
    let model = try EveryOpModel.quantized()
    #expect(pack.description == model.description)
    #expect(pack.plan == model.plan)
    #expect(
      pack.provenance.entries == [
        .init(key: "tool", value: .text("make_pack.py")),
        .init(key: "seed", value: .integer(-7)),
        .init(key: "ratio", value: .number(0.75)),
        .init(key: "source/a.safetensors", value: .digest([0xAB, 0xCD])),
      ])
  }

  @Test func weightsAreReadAsThePageSays() throws {
    let weights = try LoadedWeights(Pack(path: path), pool: bench.pool)
    for (name, expected) in try components(of: EveryOpModel.quantized()) {
      let parameter = try weights.parameter(name)
      let kinds = parameter.encoding.components(shape: parameter.shape)?.map { $0.component } ?? []
      #expect(kinds.map { parameter.copy($0) } == expected, "\(name)")
    }
  }

  @Test func unknownRecordIsListed() throws {
    let record = try #require(try Pack(path: path).records.last)
    #expect(record.type == "XTRA")
    #expect(record.known == nil)
    #expect(!record.isCritical)
    #expect(record.byteCount == 9)
  }

  /// The same records but for provenance, so both writers follow the page to the byte.
  @Test(arguments: ["MODL", "IMAG", "TOKN", "PRMP", "NETW", "PLAN"])
  func bothWritersAgree(type: String) throws {
    let other = PackImage(try bench.read(path))
    #expect(PackImage(try bench.packed())[type] == other[type])
  }
}
