import Foundation
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// What the writer refuses; nothing may be left of such a pack.
@Suite struct WriterTests {
  private let bench: Workbench

  init() throws { bench = try Workbench() }

  private func fault(
    _ description: ModelDescription, plan: QuantizationPlan? = nil,
    parameters: (any EncodedParameters)? = nil
  ) throws -> PackError? {
    let full = try EveryOpModel.description()
    let plan = plan ?? EveryOpModel.plan(for: full)
    let model = try QuantizedModel(
      description: description, plan: plan,
      parameters: parameters ?? PatternParameters(description: full, plan: plan))
    let path = bench.path("refused.martlet")
    do throws(PackError) {
      try PackWriter().write(model, provenance: Provenance(), to: path, pool: bench.pool)
      return nil
    } catch {
      #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder).isEmpty)
      return error
    }
  }

  /// Supplies something else for one parameter.
  private final class Changed: EncodedParameters {
    let name: String
    let change: @Sendable (inout EncodedParameter) throws(ModelError) -> Void
    private let original: PatternParameters

    init(
      _ name: String,
      _ change: @escaping @Sendable (inout EncodedParameter) throws(ModelError) -> Void
    ) throws {
      self.name = name
      self.change = change
      let description = try EveryOpModel.description()
      original = PatternParameters(
        description: description, plan: EveryOpModel.plan(for: description))
    }

    func encoded(_ name: String) throws(ModelError) -> EncodedParameter {
      var parameter = try original.encoded(name)
      if name == self.name { try change(&parameter) }
      return parameter
    }
  }

  @Test func parameterThatCannotBeSuppliedEndsTheWriting() throws {
    let reason = ModelError.notFinite(parameter: "language.down.weight", index: 3)
    let parameters = try Changed("language.down.weight") { _ throws(ModelError) in throw reason }
    let fault = try fault(EveryOpModel.description(), parameters: parameters)
    #expect(fault == .model(reason))
  }

  @Test func parameterOfAnotherNameIsRefused() throws {
    let parameters = try Changed("vision.stem.bias") { $0.name = "vision.other" }
    guard
      case .tensorMismatch("vision.stem.bias", "vision.other", _) =
        try fault(EveryOpModel.description(), parameters: parameters)
    else {
      Issue.record("accepted")
      return
    }
  }

  @Test func componentOfAnotherSizeIsRefused() throws {
    let parameters = try Changed("vision.stem.bias") { $0.components[0].bytes.append(0) }
    #expect(
      try fault(EveryOpModel.description(), parameters: parameters)
        == .componentSize(
          tensor: "vision.stem.bias", component: .codes, expected: 32, found: 33))
  }

  @Test func planOfUnknownParametersIsRefused() throws {
    let description = try EveryOpModel.description()
    var plan = EveryOpModel.plan(for: description)
    plan.weights["nothing"] = .float32
    #expect(try fault(description, plan: plan) == .tensorCount(expected: 22, found: 23))
  }

  @Test func planOfUnknownLayersIsRefused() throws {
    let description = try EveryOpModel.description()
    var plan = EveryOpModel.plan(for: description)
    plan.activations["nothing"] = .dynamic
    guard case .notRepresentable = try fault(description, plan: plan) else {
      Issue.record("accepted")
      return
    }
  }

  @Test func valuesThatTheReaderWouldRefuseAreNotWritten() throws {
    var description = try EveryOpModel.description()
    description.image.resolution = 0
    guard case .field(.record("IMAG"), _, "resolution", "0") = try fault(description) else {
      Issue.record("accepted")
      return
    }
    description = try EveryOpModel.description()
    description.prompt?.stopIDs = [-1]
    #expect(try fault(description) == .notRepresentable(what: "stop id", found: "-1"))
    description = try EveryOpModel.description()
    description.tokenizer?.merges[0].result = -1
    guard case .field(.record("TOKN"), _, "merge", _) = try fault(description) else {
      Issue.record("accepted")
      return
    }
  }

  @Test func namesRepeatedBetweenNetworksAreRefused() throws {
    var description = try EveryOpModel.description()
    description.networks[1].layers[0].name = "vision.stem"
    var plan = EveryOpModel.plan(for: try EveryOpModel.description())
    plan.activations["projector.up"] = nil
    #expect(try fault(description, plan: plan) == .model(.duplicateName("vision.stem")))
  }

  @Test func folderThatIsMissingIsReported() throws {
    let model = try EveryOpModel.quantized()
    #expect(throws: PackError.self) {
      try PackWriter().write(
        model, provenance: Provenance(), to: bench.path("none/x.martlet"), pool: bench.pool)
    }
  }
}
