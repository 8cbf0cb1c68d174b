import Foundation
import MartletBytes
import MartletCheckpoints
import MartletTestSupport

/// The tiny FastVLM of the fixtures, in its layouts.
enum TinyFixture: String, CaseIterable {
  case llava
  case llavaTrain = "llava-train"
  case llavaMixed = "llava-mixed"
  case native

  var path: String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/tiny/\(rawValue)").standardized.path()
  }

  func open() throws -> Checkpoint { try Checkpoint.open(path) }
}

/// A checkpoint in memory, to be changed and written again as one file.
struct EditedCheckpoint {
  struct Tensor {
    var type: ElementType
    var shape: [Int]
    var bytes: [UInt8]
  }

  var tensors: [String: Tensor] = [:]
  var config: JSONValue
  /// The other files of the directory, by name; removing one leaves it out.
  var files: [String: [UInt8]] = [:]
  let encoder: String

  init(_ fixture: TinyFixture) throws {
    try self.init(
      path: fixture.path,
      encoder: fixture == .native
        ? "model.vision_tower.timm_model." : "model.vision_tower.vision_tower.model.")
  }

  init(path: String, encoder: String) throws {
    let checkpoint = try Checkpoint.open(path)
    for name in checkpoint.names {
      let tensor = try checkpoint.tensor(name)
      let bytes = try checkpoint.withBytes(name) { bytes in
        unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
      }
      tensors[name] = Tensor(type: tensor.elementType, shape: tensor.shape, bytes: bytes)
    }
    config = checkpoint.config ?? .null
    for name in try Directory.names(in: path)
    where !name.hasSuffix(".safetensors") && !name.hasSuffix(".index.json") && name != "config.json"
    {
      files[name] = try SmallFile.bytes(of: Directory.path(path, name))
    }
    self.encoder = encoder
  }

  /// Adds a tensor of ones.
  mutating func add(_ name: String, _ shape: [Int], type: ElementType = .float32) {
    let count = shape.reduce(1, *)
    let bytes =
      type == .float32
      ? FloatConversion.float32Bytes([Float](repeating: 1, count: count))
      : [UInt8](repeating: 0, count: count * type.byteCount)
    tensors[name] = Tensor(type: type, shape: shape, bytes: bytes)
  }

  mutating func rename(_ old: String, _ new: String) {
    tensors[new] = tensors.removeValue(forKey: old)
  }

  /// Sets a member of the configuration, or of an object in it; `nil` removes it.
  mutating func set(_ path: String..., to value: JSONValue?) {
    config = Self.setting(path[...], in: config, to: value)
  }

  private static func setting(
    _ path: ArraySlice<String>, in value: JSONValue, to new: JSONValue?
  ) -> JSONValue {
    guard let key = path.first else { return new ?? .null }
    var object = JSONObject()
    for member in value.object?.members ?? [] where member.key != key {
      _ = object.append(member.key, member.value)
    }
    if path.count > 1 {
      let inner = value[key] ?? .object(JSONObject())
      _ = object.append(key, setting(path.dropFirst(), in: inner, to: new))
    } else if let new {
      _ = object.append(key, new)
    }
    return .object(object)
  }

  /// Writes into a directory and opens it.
  func open(in directory: TemporaryDirectory) throws -> Checkpoint {
    let sorted = tensors.sorted { $0.key < $1.key }
    let writer = try SafetensorsWriter(
      replacing: directory.path("model.safetensors"),
      tensors: sorted.map { try TensorDeclaration($0.key, $0.value.type, $0.value.shape) })
    for (_, tensor) in sorted { try writer.append(bytes: tensor.bytes) }
    try writer.commit()
    if !config.isNull { try directory.write(config.text() + "\n", to: "config.json") }
    for (name, bytes) in files { try directory.write(bytes, to: name) }
    return try Checkpoint.open(directory.path)
  }
}
