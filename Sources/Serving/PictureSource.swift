import Foundation
import MartletBytes

/// Where the pictures of a request may come from.
package struct PictureSource: Sendable {
  /// The folder whose files may be named, its links resolved; `nil` for none.
  package let folder: String?
  /// Most bytes of one encoded picture.
  package let byteLimit: Int
  /// Most pictures of one request.
  package let countLimit: Int

  /// - Throws: `BytesError` where the folder does not exist.
  package init(folder: String?, byteLimit: Int, countLimit: Int) throws(BytesError) {
    if let folder {
      self.folder = try ResolvedPath.of(folder)
    } else {
      self.folder = nil
    }
    self.byteLimit = byteLimit
    self.countLimit = countLimit
  }

  /// The encoded bytes behind an address: a data URL in base64, or `file://` and a path inside the folder.
  ///
  /// A file outside the folder and one that does not exist are the same refusal, so that nobody learns which there are.
  /// - Throws: `pictureAddress`, `base64`, `fileNotAllowed`, `pictureTooLarge`.
  package func bytes(of address: String, field: String) throws(ServingError) -> [UInt8] {
    if address.hasPrefix("data:") { return try data(address.utf8.dropFirst(5), field) }
    if address.hasPrefix("file://") {
      guard let path = Self.percentDecoded(address.utf8.dropFirst(7)) else {
        throw .pictureAddress(field: field, found: Self.scheme(address))
      }
      return try file(path, field)
    }
    throw .pictureAddress(field: field, found: Self.scheme(address))
  }

  /// `image/png;base64,…`; the media type is not believed, the picture's own first bytes decide.
  private func data(_ rest: Substring.UTF8View, _ field: String) throws(ServingError) -> [UInt8] {
    guard let comma = rest.firstIndex(of: UInt8(ascii: ",")),
      rest[..<comma].suffix(7).elementsEqual(";base64".utf8)
    else { throw .pictureAddress(field: field, found: "data: without base64") }
    let text = rest[rest.index(after: comma)...]
    let size = text.count / 4 * 3
    if size > byteLimit { throw .pictureTooLarge(field: field, bytes: size, limit: byteLimit) }
    guard let data = Data(base64Encoded: Data(text)) else { throw .base64(field: field) }
    return [UInt8](data)
  }

  private func file(_ path: String, _ field: String) throws(ServingError) -> [UInt8] {
    guard let folder else { throw .fileNotAllowed(field: field) }
    let whole = path.hasPrefix("/") ? path : folder + "/" + path
    // Links are resolved before the comparison, so that none leads out; what replaces a folder by a link between here
    // and the reading can already write inside.
    guard !path.utf8.contains(0), let resolved = try? ResolvedPath.of(whole),
      resolved.hasPrefix(folder == "/" ? "/" : folder + "/")
    else { throw .fileNotAllowed(field: field) }
    do {
      guard case .file(let size) = try PathKind(of: resolved) else {
        throw ServingError.fileNotAllowed(field: field)
      }
      if size > byteLimit {
        throw ServingError.pictureTooLarge(field: field, bytes: size, limit: byteLimit)
      }
      return try SmallFile.bytes(of: resolved, limit: byteLimit)
    } catch let error as ServingError {
      throw error
    } catch {
      throw .fileNotAllowed(field: field)
    }
  }

  /// The part before the colon, which tells what was tried without repeating an address of megabytes.
  private static func scheme(_ address: String) -> String {
    let first = address.prefix { $0 != ":" }
    return first.count < address.count && first.utf8.count <= 20 ? first + ":" : "no scheme"
  }

  private static func percentDecoded(_ text: Substring.UTF8View) -> String? {
    var bytes: [UInt8] = []
    var rest = text[...]
    while let byte = rest.popFirst() {
      if byte != UInt8(ascii: "%") {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexadecimal),
        let low = rest.popFirst().flatMap(hexadecimal)
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// A path without links, dots and doubled slashes.
enum ResolvedPath {
  /// - Throws: `system` where it names nothing that can be reached.
  static func of(_ path: String) throws(BytesError) -> String {
    // SAFETY: the result is a string that ends in 0, ours to free.
    guard let resolved = unsafe realpath(path, nil) else {
      throw .system(operation: .examine, path: path, code: errno)
    }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }
}
