// Holds the sources to the floors of Package.swift. Run by Tools/check:
//
//     swift package dump-package | swift Tools/check-dependencies.swift
//
// - A target depends only on targets that stand above it in Package.swift, so arrows only point down the floors.
// - A file imports only what its target declares; system modules only where the target may use them.
// - Board targets (those that turn EmbeddedRestrictions into errors) import no system module at all.
// - Public C headers include only <stdint.h>, <stddef.h>, <stdbool.h> and headers beside them.
// - No prose inside a target's folder: SwiftPM warns about files it cannot build.

import Foundation

struct Manifest: Decodable {
  struct Target: Decodable {
    struct Dependency: Decodable {
      let byName: [String?]?
      let product: [String?]?
      let target: [String?]?

      // The other elements (package, condition) are not all text.
      init(from decoder: Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func name(_ key: Key) -> [String?]? {
          guard var list = try? container.nestedUnkeyedContainer(forKey: key) else { return nil }
          return [try? list.decode(String.self)]
        }
        (byName, product, target) = (name(.byName), name(.product), name(.target))
      }

      enum Key: String, CodingKey { case byName, product, target }

      var name: String { ((byName ?? product ?? target)?.first ?? nil) ?? "?" }
      var isProduct: Bool { product != nil }
    }

    struct Setting: Decodable {
      struct Kind: Decodable {
        let treatWarning: [String: String]?
      }
      let kind: Kind
    }

    let name: String
    let path: String?
    let type: String
    let dependencies: [Dependency]
    let settings: [Setting]

    var isBoard: Bool {
      settings.contains { $0.kind.treatWarning?["_0"] == "EmbeddedRestrictions" }
    }
    var isTest: Bool { type == "test" }
  }

  let targets: [Target]
}

/// System modules that targets of the workstation may import.
let systemModules: Set = [
  "Dispatch", "Foundation", "FoundationEssentials", "FoundationXML", "Glibc", "Synchronization",
]
let testModules: Set = ["Testing", "XCTest"]
let publicHeaders: Set = ["<stdint.h>", "<stddef.h>", "<stdbool.h>"]

var faults: [String] = []

func files(under folder: String) -> [String] {
  guard let walk = FileManager.default.enumerator(atPath: folder) else { return [] }
  return walk.compactMap { $0 as? String }.sorted()
}

/// The lines of a file with their numbers.
func lines(_ path: String) -> [(number: Int, text: Substring)] {
  guard let data = FileManager.default.contents(atPath: path) else { return [] }
  let text = String(decoding: data, as: UTF8.self)
  return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
    ($0.offset + 1, $0.element)
  }
}

/// The module an import line names: `import X`, `import struct X.Y`, `@_spi(Z) internal import X`.
func imported(_ line: Substring) -> Substring? {
  let words = line.split(separator: " ")
  guard let place = words.firstIndex(of: "import"),
    words[..<place].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains(String($0)) }),
    place + 1 < words.count
  else { return nil }
  var name = words[place + 1]
  if kinds.contains(String(name)), place + 2 < words.count { name = words[place + 2] }
  return name.split(separator: ".").first
}
let accessLevels: Set = ["public", "package", "internal", "private", "fileprivate"]
let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]

func checkImports(_ target: Manifest.Target, path: String, name: String) {
  let declared = Set(target.dependencies.map { $0.name })
  for line in lines(path) {
    guard let module = imported(line.text).map(String.init), !declared.contains(module) else {
      continue
    }
    let allowed =
      target.isBoard
      ? [] : target.isTest ? systemModules.union(testModules) : systemModules
    if !allowed.contains(module) {
      let reason =
        target.isBoard && systemModules.contains(module)
        ? "which no board module may" : "which is no declared dependency"
      faults.append("\(path):\(line.number): \(name) imports \(module), \(reason)")
    }
  }
}

func checkHeader(_ path: String, name: String) {
  for line in lines(path) {
    let text = line.text.drop { $0 == " " }
    guard text.hasPrefix("#include") else { continue }
    let header = text.dropFirst("#include".count).drop { $0 == " " }
    if header.hasPrefix("<"), !publicHeaders.contains(String(header.prefix { $0 != " " })) {
      faults.append("\(path):\(line.number): public header of \(name) includes \(header)")
    }
  }
}

let input = FileHandle.standardInput.readDataToEndOfFile()
let manifest: Manifest
do {
  manifest = try JSONDecoder().decode(Manifest.self, from: input)
} catch {
  print("check-dependencies: cannot read the output of swift package dump-package: \(error)")
  exit(1)
}

var above: Set<String> = []
for target in manifest.targets {
  for dependency in target.dependencies where !dependency.isProduct {
    if !above.contains(dependency.name) {
      faults.append(
        "Package.swift: \(target.name) depends on \(dependency.name), which stands below it")
    }
  }
  above.insert(target.name)
  guard let folder = target.path else { continue }
  for file in files(under: folder) {
    let path = folder + "/" + file
    if file.hasSuffix(".swift") { checkImports(target, path: path, name: target.name) }
    if file.hasSuffix(".h"), file.hasPrefix("include/"), target.type == "regular" {
      checkHeader(path, name: target.name)
    }
    if file.hasSuffix(".md"), target.type != "system" {
      faults.append("\(path): prose inside the folder of \(target.name); put it beside")
    }
  }
}

for fault in faults { print(fault) }
exit(faults.isEmpty ? 0 : 1)
