import Foundation
import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// A directory for one test and the ways into and out of a pack.
final class Workbench {
  let folder: String
  let pool: ThreadPool

  init(threads: Int = 2) throws {
    folder = NSTemporaryDirectory() + "martlet-pack-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    pool = try ThreadPool(threads: threads)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { folder + "/" + name }

  static let provenance: Provenance = {
    var provenance = Provenance()
    provenance.append(Provenance.Key.tool, .text("test 1"))
    provenance.append(Provenance.Key.scheme, .text("int8"))
    provenance.append(Provenance.Key.seed, .integer(-7))
    provenance.append("ratio", .number(0.75))
    provenance.append(
      Provenance.Key.sourcePrefix + "model.safetensors",
      .digest(Provenance.digest(0x0123_4567_89AB_CDEF)))
    return provenance
  }()

  /// The bytes of a pack of the model. Small frames give even a small model several of them.
  func packed(
    _ model: QuantizedModel? = nil, storage: WeightStorage = .compressed, frameBytes: Int = 256
  ) throws -> [UInt8] {
    let path = path("written.martlet")
    let writer = PackWriter(storage: storage, frameBytes: frameBytes)
    let size = try writer.write(
      model ?? EveryOpModel.quantized(), provenance: Self.provenance, to: path, pool: pool)
    let bytes = try read(path)
    #expect(bytes.count == Int(size))
    return bytes
  }

  func read(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CocoaError(.fileReadUnknown)
    }
    return [UInt8](data)
  }

  /// Opens a pack of these bytes.
  func open(_ bytes: [UInt8]) throws -> Pack {
    let path = path("opened.martlet")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try Pack(path: path)
  }

  /// Opens a pack of these bytes and loads all its weights.
  func load(_ bytes: [UInt8]) throws -> (Pack, LoadedWeights) {
    let pack = try open(bytes)
    return (pack, try LoadedWeights(pack, pool: pool))
  }

  /// The error of opening and loading, or `nil`.
  func fault(_ bytes: [UInt8]) throws -> PackError? {
    let path = path("opened.martlet")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return fault(at: path)
  }

  func fault(at path: String) -> PackError? {
    do throws(PackError) {
      _ = try LoadedWeights(try Pack(path: path), pool: pool)
      return nil
    } catch {
      return error
    }
  }

  /// A file of these bytes that is changed byte by byte.
  func editor(_ bytes: [UInt8]) throws -> FileEditor {
    let path = path("edited.martlet")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try FileEditor(path: path)
  }
}

/// Changes a file in place.
final class FileEditor {
  let path: String
  private let handle: FileHandle

  init(path: String) throws {
    self.path = path
    handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
  }

  func set(_ byte: UInt8, at offset: Int) throws {
    try handle.seek(toOffset: UInt64(offset))
    try handle.write(contentsOf: [byte])
  }

  func cut(to count: Int) throws { try handle.truncate(atOffset: UInt64(count)) }
}

/// All components of a model's parameters, as the model supplies them.
func components(of model: QuantizedModel) throws -> [String: [[UInt8]]] {
  var result: [String: [[UInt8]]] = [:]
  for name in model.plan.weights.keys {
    result[name] = try model.parameters.encoded(name).components.map { $0.bytes }
  }
  return result
}
