import MartletBytes
import MartletModel

/// The pictures to verify on, each with its questions, in an order that every shard sees alike.
package struct VerificationCases: Equatable, Sendable {
  package struct Question: Equatable, Sendable {
    /// Place in the order in which the questions were given.
    package var place: Int
    package var text: String
    package var answer: String?
    /// The kind of picture or question whose score is counted apart as well.
    package var group: String?

    package init(place: Int, text: String, answer: String?, group: String? = nil) {
      self.place = place
      self.text = text
      self.answer = answer
      self.group = group
    }
  }

  package struct Picture: Equatable, Sendable {
    /// What reports and results call it: the same on every machine.
    package var name: String
    /// Where it lies here.
    package var path: String
    package var questions: [Question]
  }

  /// In the order in which they come up first.
  package private(set) var pictures: [Picture] = []
  package private(set) var questionCount = 0
  private var places: [String: Int] = [:]

  package init() {}

  /// Adds a question; questions about one picture come together, wherever they stand.
  package mutating func add(
    path: String, name: String, question: String, answer: String?, group: String? = nil
  ) {
    let place = places[path] ?? pictures.count
    if place == pictures.count {
      places[path] = place
      pictures.append(Picture(name: name, path: path, questions: []))
    }
    pictures[place].questions.append(
      Question(place: questionCount, text: question, answer: answer, group: group))
    questionCount += 1
  }

  /// SHA-256 of all names, questions, answers and groups in their order: equal where shards were asked the same.
  package var digest: [UInt8] {
    var hash = SHA256()
    for picture in pictures {
      var writer = ByteWriter()
      func write(_ text: String?) {
        writer.uint8(text == nil ? 0 : 1)
        writer.size(text?.utf8.count ?? 0)
        writer.text(text ?? "")
      }
      write(picture.name)
      writer.size(picture.questions.count)
      for question in picture.questions {
        writer.size(question.place)
        for text in [question.text, question.answer, question.group] { write(text) }
      }
      hash.update(writer.bytes)
    }
    return hash.digest()
  }
}

/// One of several parts of the pictures, counted from 1.
package struct Shard: Equatable, Sendable {
  package var index: Int
  package var count: Int

  package static let whole = Shard(index: 1, count: 1)
  /// Shards at most: more are a mistake.
  package static let most = 1_000_000

  package init(index: Int, count: Int) {
    self.index = index
    self.count = count
  }

  /// Pictures are dealt in turn, so that shards take about equally long whatever the order of the pictures.
  package func holds(picture: Int) -> Bool { picture % count == index - 1 }

  /// How many of so many pictures it holds.
  package func pictures(of all: Int) -> Int { max(0, all - index + count) / count }
}
