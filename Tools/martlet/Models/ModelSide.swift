import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletExport
import MartletModel
import MartletPack
import MartletQuantization

/// One of two models that are compared: what it means, whatever file it lies in.
///
/// Of a checkpoint this is its folded form, so that layouts, branches and element types that make no difference to an
/// answer make none here.
struct ModelSide {
  struct Tensor {
    var shape: [Int]
    var precision: String
    /// As stored in a pack; four bytes a number in a checkpoint.
    var bytes: Int
    /// Two tensors with equal marks hold the same numbers; `nil` where that is not known.
    var mark: UInt64?
  }

  let path: String
  let kind: String
  let scheme: String
  let bytes: Int
  let description: ModelDescription
  let activations: [String: ActivationEncoding]
  let preparation: ModelPreparation
  /// Further sizes of pictures; `nil` for a checkpoint, which runs at any.
  let rungs: [Rung]?
  let tensors: [String: Tensor]
  /// In the order of the model.
  let names: [String]
  /// A line on how the files are kept, which changes no meaning.
  let form: String
  private let parameters: any FloatParameters

  /// - Parameter resolution: replaces the side that a checkpoint states.
  init(_ path: String, resolution: Int?, pool: ThreadPool) throws {
    switch try ModelPath.open(path) {
    case .pack(let pack): self = try Self.opened(pack, path, pool)
    case .checkpoint(let checkpoint):
      self = try Self.opened(LoadedSource(checkpoint, resolution: resolution), path)
    }
  }

  private static func opened(_ pack: Pack, _ path: String, _ pool: ThreadPool) throws -> ModelSide {
    var tensors: [String: Tensor] = [:]
    let preparation = pack.preparation
    for tensor in pack.tensors where !preparation.added(parameter: tensor.name) {
      tensors[tensor.name] = Tensor(
        shape: tensor.shape, precision: tensor.encoding.precision,
        bytes: Int(clamping: tensor.storedBytes),
        // Numbers that a preparation changed are compared, not their marks.
        mark: preparation.isEmpty ? tensor.mark : nil)
    }
    let stored = try parameters(of: pack, path, pool)
    let parameters: any FloatParameters =
      preparation.isEmpty
      ? stored : UnpreparedParameters(stored, of: pack.description, preparation)
    var activations = pack.plan.activations
    for (name, encoding) in activations where encoding == .float32 { activations[name] = nil }
    let isFloat =
      activations.isEmpty
      && tensors.values.allSatisfy { $0.precision == Precision.float32.rawValue }
    let stated = pack.provenance[Provenance.Key.scheme]?.text ?? "not stated"
    return ModelSide(
      path: path, kind: "pack", scheme: isFloat ? "float" : stated,
      bytes: pack.byteCount, description: pack.description, activations: activations,
      rungs: pack.rungs, preparation: preparation, tensors: tensors,
      names: pack.tensors.map(\.name).filter { tensors[$0] != nil },
      form: "pack" + (pack.proof == nil ? " without a proof" : " with its proof"),
      parameters: parameters)
  }

  /// A damaged weight is reported with the pack's name.
  private static func parameters(
    of pack: Pack, _ path: String, _ pool: ThreadPool
  ) throws -> PackParameters {
    do {
      return try PackParameters(pack, pool: pool)
    } catch let error as ExportError {
      if case .pack(let error) = error { throw CommandError(.of(error, in: path)) }
      throw error
    }
  }

  private static func opened(_ source: LoadedSource, _ path: String) throws -> ModelSide {
    let description = source.folded.description
    var tensors: [String: Tensor] = [:]
    var names: [String] = []
    for parameter in description.networks.flatMap(\.parameters) {
      tensors[parameter.name] = Tensor(
        shape: parameter.shape, precision: Precision.float32.rawValue, bytes: 4 * parameter.count)
      names.append(parameter.name)
    }
    let types = source.report.elementTypes.keys.sorted().joined(separator: ", ")
    return ModelSide(
      path: path, kind: "checkpoint", scheme: "float",
      bytes: source.checkpoint.files.reduce(0) { $0 + $1.byteCount }, description: description,
      activations: [:], rungs: nil, preparation: ModelPreparation(), tensors: tensors, names: names,
      form: "\(source.checkpoint.format.rawValue), \(source.report.layout.name) layout, \(types)",
      parameters: source.folded.parameters)
  }

  private init(
    path: String, kind: String, scheme: String, bytes: Int, description: ModelDescription,
    activations: [String: ActivationEncoding], rungs: [Rung]?, preparation: ModelPreparation,
    tensors: [String: Tensor], names: [String], form: String, parameters: any FloatParameters
  ) {
    self.path = path
    self.kind = kind
    self.scheme = scheme
    self.bytes = bytes
    self.description = description
    self.activations = activations
    self.preparation = preparation
    self.rungs = rungs
    self.tensors = tensors
    self.names = names
    self.form = form
    self.parameters = parameters
  }

  /// Pieces of a tensor's numbers, the same for both sides: what is computed is computed once, what is large is read in
  /// parts.
  static func pieces(_ count: Int) -> [Range<Int>] {
    let piece = count <= 1 << 24 ? count : 1 << 22
    return stride(from: 0, to: count, by: max(1, piece)).map { $0..<min(count, $0 + piece) }
  }

  func values(_ name: String, _ elements: Range<Int>) throws -> [Float] {
    try parameters.values(of: name, elements: elements)
  }
}
