import MartletBytes

/// One of the files that a large model lies in, as llama.cpp's gguf-split makes them: `MODEL-0000I-of-0000N.gguf`, I from
/// 1 to N. The first holds the pairs of the model, each says which it is.
struct GGUFSplit: Equatable {
  let prefix: String
  let count: Int

  private static let digits = 5
  private static let suffix = ".gguf"
  private static let numberKey = "split.no"
  private static let countKey = "split.count"
  private static let tensorsKey = "split.tensors.count"

  /// `nil` where a name is not of this form, or that of a model in one file.
  init?(name: String) {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[parts.count - 2] == "of", name.hasSuffix(Self.suffix),
      let index = Self.number(parts[parts.count - 3]),
      let count = Self.number(parts[parts.count - 1].dropLast(Self.suffix.count)),
      count > 1, (1...count).contains(index)
    else { return nil }
    prefix = parts.dropLast(3).joined(separator: "-")
    self.count = count
  }

  private static func number(_ text: Substring) -> Int? {
    guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return Int(text)
  }

  private static func padded(_ number: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: digits - text.utf8.count) + text
  }

  /// The names of all files, in order.
  /// - Parameter given: the one that asks, for the error.
  /// - Throws: `missingPart`.
  func files(beside given: String, in directory: String) throws(CheckpointError) -> [String] {
    var names: [String] = []
    for index in 1...count {
      let name = "\(prefix)-\(Self.padded(index))-of-\(Self.padded(count))\(Self.suffix)"
      let path = Directory.path(directory, name)
      if try rethrown({ () throws(BytesError) in try PathKind(of: path) }) == .missing {
        throw .missingPart(path: Directory.path(directory, given), file: name, count: count)
      }
      names.append(name)
    }
    return names
  }

  /// Compares what a file says of itself with its place among those that are read.
  ///
  /// - Parameter index: from 0.
  /// - Throws: `ggufField`.
  static func check(
    _ metadata: GGUFMetadata, index: Int, of count: Int
  ) throws(CheckpointError) {
    // A model whose files were joined again keeps the pair, with 0.
    let stated = max(1, try metadata.integer(countKey) ?? 1)
    if stated != count {
      throw metadata.fault(
        countKey, expected: "\(count), as many files as are read", found: "\(stated)")
    }
    if count == 1 { return }
    let number = try metadata.integer(numberKey)
    if number != index {
      throw metadata.fault(
        numberKey, expected: "\(index)", found: number.map { "\($0)" } ?? "nothing")
    }
  }

  /// Compares the number of tensors that the first file states with those of all.
  /// - Throws: `ggufField`.
  static func check(_ metadata: GGUFMetadata, tensors: Int) throws(CheckpointError) {
    guard let stated = try metadata.integer(tensorsKey), stated != tensors else { return }
    throw metadata.fault(
      tensorsKey, expected: "\(tensors), as many as the files hold", found: "\(stated)")
  }
}
