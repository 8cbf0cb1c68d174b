import MartletBytes

/// A question about a picture, with the answer expected of a good model.
package struct Question: Equatable, Sendable {
  /// Path of the picture; relative ones are taken from the folder of the questions file.
  package var image: String
  package var text: String
  package var answer: String?
  /// The kind of picture or question; scores are counted per group as well.
  package var group: String?
  /// Where it stands; lines count from 1.
  package var line: Int

  package init(image: String, text: String, answer: String?, group: String? = nil, line: Int) {
    self.image = image
    self.text = text
    self.answer = answer
    self.group = group
    self.line = line
  }
}

/// A file with one JSON object a line: `{"image": …, "question": …, "answer": …, "group": …}`.
package struct QuestionFile: Equatable, Sendable {
  package let path: String
  package let questions: [Question]

  /// Answer and group may be missing, and lines may be blank; nothing else may.
  /// - Throws: `question` for the first line that is not a question, `bytes`.
  package init(path: String) throws(CalibrationError) {
    let text: String
    do throws(BytesError) {
      text = try SmallFile.text(of: path)
    } catch {
      throw .bytes(error)
    }
    let folder = Directory.parent(of: path)
    var questions: [Question] = []
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      if line.allSatisfy(\.isWhitespace) { continue }
      do throws(QuestionProblem) {
        questions.append(
          try Self.question(String(line), number: number, folder: folder, path: path))
      } catch {
        throw .question(path: path, line: number, problem: error)
      }
    }
    self.path = path
    self.questions = questions
  }

  /// The questions of each picture, in the order of the file.
  /// - Throws: `question` for the first whose image is none of the pictures.
  package func matched(
    to pictures: [CalibrationPicture]
  ) throws(CalibrationError) -> [[Question]] {
    var indices: [String: Int] = [:]
    for (index, picture) in pictures.enumerated() {
      if let path = picture.path { indices[path] = index }
    }
    var result = [[Question]](repeating: [], count: pictures.count)
    for question in questions {
      guard let index = indices[CalibrationPicture.absolute(question.image)] else {
        throw .question(
          path: path, line: question.line, problem: .imageNotFound(question.image))
      }
      result[index].append(question)
    }
    return result
  }

  private static func question(
    _ line: String, number: Int, folder: String, path: String
  ) throws(QuestionProblem) -> Question {
    let value: JSONValue
    do throws(BytesError) {
      value = try JSONValue(parsing: line, source: path)
    } catch {
      throw .json(error)
    }
    guard let object = value.object else { throw .notAnObject(found: value.kind) }
    for (key, value) in object.members {
      guard ["image", "question", "answer", "group"].contains(key) else { throw .unknownKey(key) }
      if value.string == nil { throw .notText(key: key, found: value.kind) }
    }
    guard let image = object["image"]?.string else { throw .missingKey("image") }
    guard let text = object["question"]?.string else { throw .missingKey("question") }
    return Question(
      image: image.hasPrefix("/") ? image : Directory.path(folder, image), text: text,
      answer: object["answer"]?.string, group: object["group"]?.string, line: number)
  }
}
