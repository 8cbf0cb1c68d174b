import Foundation
import MartletBytes

/// A safetensors file taken apart, to be put together again with lies in it.
struct SafetensorsDraft {
  struct Tensor {
    var type: String
    var shape: [Int]
    var range: Range<Int>
  }

  /// In the order of the data.
  var tensors: [(name: String, tensor: Tensor)] = []
  var data: [UInt8]
  /// Written instead of the header's true length.
  var statedHeaderLength: Int?

  init(_ path: String) throws {
    let bytes = try SmallFile.bytes(of: path)
    let length = Int(bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    let header = try JSONValue(parsing: Array(bytes[8..<8 + length]), source: path)
    data = Array(bytes[(8 + length)...])
    for (name, entry) in header.object?.members ?? [] where name != "__metadata__" {
      let offsets = (entry["data_offsets"]?.array ?? []).compactMap(\.int)
      tensors.append(
        (
          name,
          Tensor(
            type: entry["dtype"]?.string ?? "",
            shape: (entry["shape"]?.array ?? []).compactMap(\.int), range: offsets[0]..<offsets[1])
        ))
    }
    tensors.sort { $0.tensor.range.lowerBound < $1.tensor.range.lowerBound }
  }

  subscript(name: String) -> Tensor {
    get { tensors[place(of: name)].tensor }
    set { tensors[place(of: name)].tensor = newValue }
  }

  private func place(of name: String) -> Int {
    guard let place = tensors.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("the fixture has no tensor '\(name)'")
    }
    return place
  }

  /// Takes a tensor and its bytes out.
  mutating func remove(_ name: String) {
    let removed = tensors.remove(at: place(of: name)).tensor.range
    data.removeSubrange(removed)
    for index in tensors.indices where tensors[index].tensor.range.lowerBound >= removed.upperBound
    {
      let range = tensors[index].tensor.range
      tensors[index].tensor.range =
        range.lowerBound - removed.count..<range.upperBound - removed.count
    }
  }

  /// Adds a tensor of zeros in F32.
  mutating func append(_ name: String, _ shape: [Int]) {
    let count = shape.reduce(4, *)
    tensors.append(
      (name, Tensor(type: "F32", shape: shape, range: data.count..<data.count + count)))
    data += [UInt8](repeating: 0, count: count)
  }

  var bytes: [UInt8] {
    let entries = tensors.map { name, tensor in
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      return "\"\(name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":[\(shape)],\"data_offsets\":["
        + "\(tensor.range.lowerBound),\(tensor.range.upperBound)]}"
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    let length = UInt64(statedHeaderLength ?? header.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + header + data
  }
}
