import Foundation
import MartletBytes
import MartletImages
import MartletModel

/// A picture to calibrate on, read when its turn comes.
package struct CalibrationPicture: Sendable {
  /// A decoded picture, and what names its content.
  package struct Content: Sendable {
    package var pixels: Pixels
    /// SHA-256 of the file.
    package var digest: [UInt8]

    package init(pixels: Pixels, digest: [UInt8]) {
      self.pixels = pixels
      self.digest = digest
    }
  }

  /// What messages and tables call it.
  package let name: String
  /// What a question names it by; `nil` if no question can.
  package let path: String?
  /// Decodes the picture. May be called from any thread.
  package let content: @Sendable () throws(UnreadableImage.Reason) -> Content

  package init(
    name: String, path: String?,
    content: @escaping @Sendable () throws(UnreadableImage.Reason) -> Content
  ) {
    self.name = name
    self.path = path
    self.content = content
  }

  /// A picture file.
  package init(file path: String) {
    self.init(name: Directory.name(of: path), path: Self.absolute(path)) {
      () throws(UnreadableImage.Reason) in
      do {
        let file = try MappedFile(path: path)
        let digest = try SHA256.digest(of: file)
        let pixels = try file.withBytes { (bytes: RawSpan) throws(ImageError) -> Pixels in
          try ImageDecoder.pixels(of: bytes, name: path)
        }
        return Content(pixels: pixels, digest: digest)
      } catch let error as ImageError {
        throw .image(error)
      } catch let error as BytesError {
        throw .bytes(error)
      } catch {
        preconditionFailure("only the two above are thrown")
      }
    }
  }

  /// The path from the root, without links and dots, so that two ways to name a file compare equal.
  package static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
  }
}

/// The pictures of a folder, by name.
package struct CalibrationFolder: Sendable {
  package let pictures: [CalibrationPicture]
  /// Names of what lies there and is no picture: folders, and files that neither begin nor end like one.
  package let ignored: [String]

  private static let suffixes = [".png", ".jpg", ".jpeg", ".webp"]

  /// Looks at the first bytes of every file, not into folders.
  /// - Throws: `noImages` where no picture lies there, `bytes`.
  package init(path: String) throws(CalibrationError) {
    var pictures: [CalibrationPicture] = []
    var ignored: [String] = []
    do throws(BytesError) {
      for name in try Directory.names(in: path) {
        let file = Directory.path(path, name)
        if try Self.isPicture(file, name: name) {
          pictures.append(CalibrationPicture(file: file))
        } else {
          ignored.append(name)
        }
      }
    } catch {
      throw .bytes(error)
    }
    if pictures.isEmpty { throw .noImages(path: path, ignored: ignored) }
    self.pictures = pictures
    self.ignored = ignored
  }

  /// A file that claims to be a picture counts as one: if it is damaged, somebody must hear of it.
  private static func isPicture(_ path: String, name: String) throws(BytesError) -> Bool {
    guard case .file = try PathKind(of: path) else { return false }
    let lower = name.lowercased()
    if suffixes.contains(where: lower.hasSuffix) { return true }
    return try MappedFile(path: path).withBytes { ImageDecoder.format(of: $0) != nil }
  }
}
