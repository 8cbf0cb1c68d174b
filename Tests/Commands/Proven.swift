import Foundation
import MartletBytes
import MartletPack
import MartletTestSupport
import Testing

/// The int8 pack of the trained model with its proof, and what can be done to it.
enum Proven {
  static let checkpoint = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/nano/checkpoint").standardized.path()

  /// Weights lie raw, so that a byte of them can be changed without unpacking anything.
  static let pack: String = {
    // Lives as long as the process, so nothing else would remove it.
    atexit { try? FileManager.default.removeItem(atPath: Proven.shared.path) }
    let path = shared.path("proven.martlet")
    do {
      let outcome = try Program.martlet.run("convert", checkpoint, "-o", path, "--raw", "--quiet")
      if outcome.code != 0 { Issue.record("convert failed: \(outcome.error)") }
    } catch { Issue.record(error) }
    return path
  }()

  private static let shared: TemporaryDirectory = {
    do { return try TemporaryDirectory() } catch { preconditionFailure("\(error)") }
  }()

  /// What a change leaves alone, and what it hides.
  enum Cover: CaseIterable {
    /// Nothing is made to fit.
    case none
    /// All checksums are made to fit, as a tool that edits packs would do.
    case checksums
    /// What the proof says of tensors and records as well: only the golden pictures can tell.
    case proof
  }

  /// A copy whose records were changed.
  static func changed(
    in directory: TemporaryDirectory, cover: Cover, _ change: (inout PackImage) throws -> Void
  ) throws -> String {
    var image = PackImage(try SmallFile.bytes(of: pack))
    try change(&image)
    if cover != .none { image.resignFrames() }
    var bytes = image.signed()
    if cover == .proof {
      let path = try directory.write(bytes, to: "uncovered.martlet")
      let changed = try Pack(path: path)
      var writer = ByteWriter()
      for checksum in changed.coveredChecksums { writer.uint64(checksum) }
      writer.uint32(UInt32(changed.tensors.count))
      for tensor in changed.tensors { writer.uint64(tensor.mark) }
      image["PROF"].replaceSubrange(1..<1 + writer.count, with: writer.bytes)
      bytes = image.signed()
    }
    return try directory.write(bytes, to: "changed.martlet")
  }

  /// Changes one byte of the codes of a tensor: by one step where it is a code.
  static func changeByte(of tensor: String, at index: Int, in image: inout PackImage) throws {
    let opened = try Pack(path: pack)
    let first = try #require(opened.tensors.first?.components.first?.offset)
    let place = Int(try opened.tensor(tensor).components[0].offset - first) + index
    image["DATA"][place] ^= 1
  }
}
