import MartletBytes
import MartletCalibration
import MartletImages
import MartletModel
import MartletVerification

/// The pictures and questions to verify on, read one at a time.
struct VerificationCases {
  private var items: [(path: String, question: String, answer: String?, group: String?)] = []
  var count: Int { items.count }

  /// Questions as they stand in the file; pictures no question names are asked the default question.
  init(images: String?, questions: String?) throws {
    var named: Set<String> = []
    if let questions {
      for question in try QuestionFile(path: questions).questions {
        items.append((question.image, question.text, question.answer, question.group))
        named.insert(question.image)
      }
    }
    if let images {
      for picture in try CalibrationFolder(path: images).pictures {
        guard let path = picture.path, !named.contains(path) else { continue }
        items.append((path, CalibrationOptions.defaultQuestion, nil, nil))
      }
    }
    if items.isEmpty { throw VerificationError.noPictures }
  }

  /// Decodes the picture of a case.
  func load(_ index: Int) throws -> VerificationCase {
    let item = items[index]
    let file = try MappedFile(path: item.path)
    let pixels = try file.withBytes { bytes throws(ImageError) in
      try ImageDecoder.pixels(of: bytes, name: item.path)
    }
    return VerificationCase(
      picture: pixels, name: item.path, question: item.question, answer: item.answer,
      group: item.group)
  }
}
