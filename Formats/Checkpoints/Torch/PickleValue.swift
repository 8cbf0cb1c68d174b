/// What a pickle's opcodes leave on its stack: data, never code.
///
/// Containers stand in the machine's lists and are named by their index, so that a pickle can neither make
/// values of any depth nor cycles that this process would have to walk.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer beyond 64 bits, its little-endian bytes.
  case long([UInt8])
  case double(Double)
  case string(String)
  case bytes
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case global(TorchGlobal)
  case storage(Int)
  case tensor(Int)

  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer, .long: "an integer"
    case .double: "a float"
    case .string: "a string"
    case .bytes: "bytes"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .global(let global): "'\(global.name)'"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// The names of Python that a checkpoint may mention. All others are refused where they stand.
enum TorchGlobal: Equatable {
  case orderedDictionary
  case rebuildTensor
  case rebuildTensorOfType
  case rebuildParameter
  case size
  case storage(ElementType)
  case untypedStorage
  case elementType(ElementType)

  static let byName: [String: TorchGlobal] = {
    var names: [String: TorchGlobal] = [
      "collections OrderedDict": .orderedDictionary,
      "torch._utils _rebuild_tensor_v2": .rebuildTensor,
      "torch._utils _rebuild_tensor_v3": .rebuildTensorOfType,
      "torch._utils _rebuild_parameter": .rebuildParameter,
      "torch Size": .size,
      "torch.storage UntypedStorage": .untypedStorage,
    ]
    let storages: [(String, ElementType)] = [
      ("Double", .float64), ("Float", .float32), ("Half", .float16), ("BFloat16", .bfloat16),
      ("Long", .int64), ("Int", .int32), ("Short", .int16), ("Char", .int8), ("Byte", .uint8),
      ("Bool", .bool),
    ]
    for (name, type) in storages { names["torch \(name)Storage"] = .storage(type) }
    let types: [(String, ElementType)] = [
      ("float64", .float64), ("float32", .float32), ("float16", .float16), ("bfloat16", .bfloat16),
      ("int64", .int64), ("int32", .int32), ("int16", .int16), ("int8", .int8),
      ("uint64", .uint64), ("uint32", .uint32), ("uint16", .uint16), ("uint8", .uint8),
      ("bool", .bool),
    ]
    for (name, type) in types { names["torch \(name)"] = .elementType(type) }
    return names
  }()

  var name: String { Self.byName.first { $0.value == self }?.key ?? "" }
}

/// A block of elements that tensors are views of.
struct TorchStorage: Equatable {
  var key: String
  /// `nil` where each tensor brings its own type.
  var elementType: ElementType?
  /// Elements, or bytes where there is no type.
  var count: Int
}

/// A view of a storage, as the pickle states it; not compared with the storage yet.
struct TorchTensor {
  var storage: Int
  var elementType: ElementType
  /// In elements.
  var offset: Int
  var layout: StridedLayout
}
