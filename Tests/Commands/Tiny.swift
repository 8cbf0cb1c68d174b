import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// The small complete FastVLM of the fixtures.
enum Tiny {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/tiny").standardized.path()

  static func path(_ name: String) -> String { Directory.path(folder, name) }

  static let llava = path("llava")
  static let wide = path("wide.png")
  static let question = "Describe the image."

  /// A copy of a layout, to be damaged.
  static func copy(of layout: String, in directory: TemporaryDirectory) throws -> String {
    let target = directory.path(layout)
    try FileManager.default.copyItem(atPath: path(layout), toPath: target)
    return target
  }

  /// The int8 pack of the llava layout, made once for all tests that only read it.
  static let pack: String = {
    // Lives as long as the process, so nothing else would remove it.
    atexit { try? FileManager.default.removeItem(atPath: Tiny.shared.path) }
    let path = shared.path("tiny.martlet")
    do {
      let outcome = try Program.martlet.run("convert", llava, "-o", path, "--quiet")
      if outcome.code != 0 { Issue.record("convert failed: \(outcome.error)") }
    } catch { Issue.record(error) }
    return path
  }()

  private static let shared: TemporaryDirectory = {
    do { return try TemporaryDirectory() } catch { preconditionFailure("\(error)") }
  }()
}

extension JSONValue {
  /// The one JSON object that standard output must be.
  static func only(in output: String) throws -> JSONValue {
    let value = try JSONValue(parsing: Array(output.utf8), source: "standard output")
    try #require(value.object != nil, "standard output is no object")
    return value
  }

  /// Keys in their order, those of inner objects after a point.
  var keys: [String] {
    (object?.members ?? []).flatMap { key, value in
      [key] + value.keys.map { key + "." + $0 }
    }
  }
}
