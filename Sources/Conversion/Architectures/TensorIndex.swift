import MartletCheckpoints
import MartletModel

/// Names and shapes of a checkpoint's tensors, found by name or by the path they lie under.
struct TensorIndex: Sendable {
  /// What the index knows of one tensor.
  struct Entry: Equatable, Sendable {
    var shape: [Int]
    /// Whether the elements are floats; integers cannot be weights.
    var isFloat: Bool
    /// The element type in words.
    var elementType: String
  }

  let entries: [String: Entry]
  /// Dotted path to the components that follow it.
  private let children: [String: Set<String>]
  /// Names with more components or bytes than any model has are not indexed by path; as nothing reads them, they
  /// end as unknown tensors.
  private static let deepestPath = 24
  private static let longestName = 1024

  init(_ entries: [String: Entry]) {
    self.entries = entries
    var children: [String: Set<String>] = [:]
    for name in entries.keys where name.utf8.count <= Self.longestName {
      let components = name.split(separator: ".", omittingEmptySubsequences: false)
      if components.count > Self.deepestPath { continue }
      var path = ""
      for component in components {
        children[path, default: []].insert(String(component))
        path += path.isEmpty ? "\(component)" : ".\(component)"
      }
    }
    self.children = children
  }

  init(_ checkpoint: Checkpoint) {
    var entries: [String: Entry] = [:]
    for name in checkpoint.names {
      guard let tensor = checkpoint[name] else { continue }
      entries[name] = Entry(
        shape: tensor.shape, isFloat: tensor.elementType.isFloat, elementType: tensor.storedType)
    }
    self.init(entries)
  }

  subscript(name: String) -> Entry? { entries[name] }

  /// Whether a tensor of this name exists, or any under this path.
  func contains(_ path: String) -> Bool { entries[path] != nil || children[path] != nil }

  /// How many numbered children, from 0 on, lie under the path.
  /// - Throws: `missingTensor` where a number is left out, as in a file that was cut short.
  func count(under path: String) throws(ConversionError) -> Int {
    let numbers = (children[path] ?? []).compactMap { $0.first == "+" ? nil : Int($0) }
      .filter { $0 >= 0 }.sorted()
    for (expected, found) in numbers.enumerated() where expected != found {
      throw .missingTensor(name: "\(path).\(expected)", shape: nil, nearest: nil)
    }
    return numbers.count
  }

  /// The existing name most like this one, if any is close; names of other layers, told by their numbers, are not meant.
  func nearest(to name: String) -> String? {
    let numbers = name.filter(\.isNumber)
    return NearestName.nearest(
      to: name, among: entries.keys.filter { $0.filter(\.isNumber) == numbers }.sorted())
  }
}
