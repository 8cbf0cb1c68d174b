import Foundation
import MartletBytes

/// A directory of its own for a test; everything in it is removed with the object.
package final class TemporaryDirectory: Sendable {
  package let path: String

  /// Made under `$TMPDIR`, or `/tmp`.
  package init() throws {
    let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = Directory.path(base, "martlet-test-\(UUID().uuidString)")
    try Directory.make(path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in here.
  package func path(_ name: String) -> String { Directory.path(path, name) }

  /// Writes a file, making the directories above it, and returns its path.
  @discardableResult
  package func write(_ bytes: [UInt8], to name: String) throws -> String {
    let target = path(name)
    try Directory.make(Directory.parent(of: target))
    try Data(bytes).write(to: URL(fileURLWithPath: target))
    return target
  }

  /// Writes a text file and returns its path.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    try write(Array(text.utf8), to: name)
  }

  /// The names in here, hidden ones included, sorted.
  package func names() throws -> [String] { try Directory.names(in: path) }
}
