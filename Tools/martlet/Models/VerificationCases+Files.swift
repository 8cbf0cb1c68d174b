import MartletBytes
import MartletCalibration
import MartletImages
import MartletModel
import MartletVerification

extension VerificationCases {
  /// Questions as they stand in the file; pictures no question names are asked the default question.
  ///
  /// - Throws: `noPictures` where there is neither, and what reading them throws.
  init(images: String?, questions: String?) throws {
    self.init()
    if let questions {
      let folder = Directory.parent(of: questions)
      for question in try QuestionFile(path: questions).questions {
        add(
          path: CalibrationPicture.absolute(question.image),
          name: Self.name(question.image, within: folder), question: question.text,
          answer: question.answer, group: question.group)
      }
    }
    if let images {
      let named = Set(pictures.map(\.path))
      for picture in try CalibrationFolder(path: images).pictures {
        guard let path = picture.path, !named.contains(path) else { continue }
        add(
          path: path, name: picture.name, question: CalibrationOptions.defaultQuestion, answer: nil)
      }
    }
    if pictures.isEmpty { throw VerificationError.noPictures }
  }

  /// As the file of questions writes it: the same wherever the set lies.
  private static func name(_ path: String, within folder: String) -> String {
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    if path.hasPrefix(prefix) { return String(path.dropFirst(prefix.count)) }
    return path
  }
}

/// A picture of a file.
func decodedPicture(_ path: String) throws -> Pixels {
  let file = try MappedFile(path: path)
  return try file.withBytes { bytes throws(ImageError) in
    try ImageDecoder.pixels(of: bytes, name: path)
  }
}
