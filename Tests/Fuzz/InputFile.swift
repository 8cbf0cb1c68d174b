import CFuzzGuard
import Glibc

/// A file in memory for readers that want a path. One for each place in a checkpoint, used again for every input.
final class InputFile: Sendable {
  private let descriptor = martlet_fuzz_file()

  var path: String { "/proc/self/fd/\(descriptor)" }

  func fill(_ bytes: [UInt8]) {
    guard descriptor >= 0, martlet_fuzz_fill(descriptor, bytes, bytes.count) else {
      martlet_fuzz_fail("no file in memory can be written")
    }
  }
}

/// A folder of links to files, for readers that look at what lies beside one. Removed when the process ends by itself.
final class InputFolder: Sendable {
  let path: String

  /// - Parameter links: names in the folder, and what they lead to.
  init(_ links: [(name: String, target: String)]) {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/martlet-fuzz-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { name in
      guard let start = name.baseAddress, mkdtemp(start) != nil else {
        martlet_fuzz_fail("no folder can be made in \(base)")
      }
      return String(cString: start)
    }
    for link in links where symlink(link.target, "\(path)/\(link.name)") != 0 {
      martlet_fuzz_fail("no link can be made in \(path)")
    }
    Self.made.append(path)
    if Self.made.count == 1 { atexit { InputFolder.removeAll() } }
  }

  nonisolated(unsafe) private static var made: [String] = []

  private static func removeAll() {
    for folder in made {
      guard let listing = opendir(folder) else { continue }
      while let entry = readdir(listing) {
        let name = withUnsafePointer(to: entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { unlink("\(folder)/\(name)") }
      }
      closedir(listing)
      rmdir(folder)
    }
  }
}

/// The repository's root, where Tools/fuzz starts the program.
let workingDirectory: String = {
  guard let path = getcwd(nil, 0) else { return "." }
  defer { free(path) }
  return String(cString: path)
}()

/// Uses a value, so that the work behind it is done.
@inline(never) func keep<Value>(_ value: Value) {
  withExtendedLifetime(value) { martlet_fuzz_keep(0) }
}

extension [UInt8] {
  /// The parts between zero bytes, at most `count`; the last one keeps its zeros.
  func parts(_ count: Int) -> [[UInt8]] {
    split(separator: 0, maxSplits: count - 1, omittingEmptySubsequences: false).map { Array($0) }
  }
}
