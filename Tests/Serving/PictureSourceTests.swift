import Foundation
import MartletServing
import MartletTestSupport
import Testing

/// Where pictures come from, and where they do not.
@Suite struct PictureSourceTests {
  private func source(_ folder: String?, limit: Int = 100) throws -> PictureSource {
    try PictureSource(folder: folder, byteLimit: limit, countLimit: 1)
  }

  @Test func dataAddressesAreDecoded() throws {
    let source = try source(nil)
    #expect(try source.bytes(of: "data:image/png;base64,AAEC", field: "f") == [0, 1, 2])
    #expect(try source.bytes(of: "data:;base64,AA==", field: "f") == [0])
    #expect(throws: ServingError.base64(field: "f")) {
      try source.bytes(of: "data:;base64,A@==", field: "f")
    }
    #expect(throws: ServingError.pictureAddress(field: "f", found: "data: without base64")) {
      try source.bytes(of: "data:image/png,abc", field: "f")
    }
    let long = "data:;base64," + String(repeating: "A", count: 136)
    #expect(throws: ServingError.pictureTooLarge(field: "f", bytes: 102, limit: 100)) {
      try source.bytes(of: long, field: "f")
    }
  }

  @Test func otherAddressesAreNotFetched() throws {
    let source = try source(nil)
    for (address, found) in [
      ("https://a/b.png", "https:"), ("picture.png", "no scheme"), ("", "no scheme"),
    ] {
      #expect(throws: ServingError.pictureAddress(field: "f", found: found)) {
        try source.bytes(of: address, field: "f")
      }
    }
    #expect(throws: ServingError.fileNotAllowed(field: "f")) {
      try source.bytes(of: "file:///etc/passwd", field: "f")
    }
  }

  @Test func onlyFilesInsideTheFolderAreRead() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.path("open")
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder + "/deep", withIntermediateDirectories: true)
    // A folder whose name only begins the same.
    try manager.createDirectory(atPath: folder + "ed", withIntermediateDirectories: true)
    for path in ["open/a b.png", "open/deep/c", "opened/d", "secret"] {
      try Data([7]).write(to: URL(filePath: directory.path(path)))
    }
    try Data(repeating: 0, count: 101).write(to: URL(filePath: folder + "/large"))
    try manager.createSymbolicLink(
      atPath: folder + "/way-out", withDestinationPath: directory.path("secret"))
    try manager.createSymbolicLink(atPath: folder + "/way-in", withDestinationPath: "deep/c")
    let source = try source(folder)
    for address in [
      "file://a%20b.png", "file://deep/c", "file://deep/../a b.png", "file://way-in",
      "file://\(folder)/deep/c",
    ] {
      #expect(try source.bytes(of: address, field: "f") == [7], "\(address)")
    }
    for address in [
      "file://../secret", "file://%2E%2e/secret", "file://way-out", "file://\(folder)ed/d",
      "file://../opened/d", "file://deep", "file://", "file:///", "file://nothing",
      "file://a%00b", "file:///dev/zero",
    ] {
      #expect(throws: ServingError.fileNotAllowed(field: "f"), "\(address)") {
        try source.bytes(of: address, field: "f")
      }
    }
    #expect(throws: ServingError.pictureTooLarge(field: "f", bytes: 101, limit: 100)) {
      try source.bytes(of: "file://large", field: "f")
    }
    #expect(throws: ServingError.pictureAddress(field: "f", found: "file:")) {
      try source.bytes(of: "file://a%2", field: "f")
    }
  }

  @Test func aFolderThatDoesNotExistIsSaidAtOnce() {
    #expect(throws: (any Error).self) { try source("/nowhere/at/all") }
  }
}
