import Foundation
import MartletBytes
import MartletCalibration
import MartletTestSupport
import Testing

/// Pictures of the tiny model's fixture.
enum Fixture {
  static func picture(_ name: String) throws -> [UInt8] {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../Fixtures/tiny/\(name)")
    return Array(try Data(contentsOf: url))
  }
}

@Suite struct CalibrationFolderTests {
  @Test func picturesComeByNameAndOthersAreReported() throws {
    let folder = try TemporaryDirectory()
    let png = try Fixture.picture("wide.png")
    try folder.write(png, to: "b.png")
    try folder.write(png, to: "a.JPG")
    try folder.write(png, to: "picture without suffix")
    try folder.write("hello", to: "notes.txt")
    try folder.write(png, to: "inner/c.png")
    let found = try CalibrationFolder(path: folder.path)
    #expect(found.pictures.map(\.name) == ["a.JPG", "b.png", "picture without suffix"])
    #expect(found.ignored == ["inner", "notes.txt"])
    let content = try found.pictures[1].content()
    #expect(content.digest == SHA256.digest(png))
    #expect(content.pixels.bytes.count == content.pixels.width * content.pixels.height * 3)
  }

  @Test func aFolderWithoutPicturesIsAnError() throws {
    let folder = try TemporaryDirectory()
    #expect(throws: CalibrationError.noImages(path: folder.path, ignored: [])) {
      try CalibrationFolder(path: folder.path)
    }
    try folder.write("hello", to: "notes.txt")
    #expect(throws: CalibrationError.noImages(path: folder.path, ignored: ["notes.txt"])) {
      try CalibrationFolder(path: folder.path)
    }
  }

  @Test func aMissingFolderIsAnError() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("nowhere")
    #expect(
      throws: CalibrationError.bytes(.system(operation: .list, path: path, code: ENOENT))
    ) { try CalibrationFolder(path: path) }
  }

  @Test func oneDamagedPictureAmongManyIsNamed() throws {
    let folder = try TemporaryDirectory()
    let png = try Fixture.picture("wide.png")
    try folder.write(png, to: "a.png")
    try folder.write(Array(png.prefix(png.count / 2)), to: "b.png")
    try folder.write("not a picture at all", to: "c.jpg")
    let pictures = try CalibrationFolder(path: folder.path).pictures
    let wanted = StatisticRequest(value: "vision.stem", statistic: .range)
    let calibrator = try Calibrator(model: SmallModel.model(), requests: [wanted])
    let error = #expect(throws: CalibrationError.self) {
      try calibrator.outcome(pictures: pictures)
    }
    guard case .unreadableImages(let unreadable, let total) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(unreadable.map(\.name) == ["b.png", "c.jpg"])
    #expect(total == 3)
  }
}

@Suite struct QuestionFileTests {
  private func read(_ text: String) throws -> [Question] {
    let folder = try TemporaryDirectory()
    return try QuestionFile(path: folder.write(text, to: "q.jsonl")).questions
  }

  @Test func questionsAreReadLineByLine() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(
      """
      {"image": "a.png", "question": "What?", "answer": "a \\"cat\\""}

      {"question": "Why?\\nTell.", "image": "/b/c.png", "group": "c"}

      """, to: "q.jsonl")
    #expect(
      try QuestionFile(path: path).questions == [
        Question(image: folder.path("a.png"), text: "What?", answer: "a \"cat\"", line: 1),
        Question(image: "/b/c.png", text: "Why?\nTell.", answer: nil, group: "c", line: 3),
      ])
  }

  static let faults: [(String, QuestionProblem)] = [
    ("[1]", .notAnObject(found: "array")),
    ("{\"question\": \"x\"}", .missingKey("image")),
    ("{\"image\": \"x\"}", .missingKey("question")),
    ("{\"image\": \"x\", \"question\": 3}", .notText(key: "question", found: "number")),
    ("{\"image\": \"x\", \"question\": \"y\", \"id\": \"z\"}", .unknownKey("id")),
  ]

  @Test(arguments: faults)
  func linesThatAreNoQuestionsAreNamed(line: String, problem: QuestionProblem) throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(
      "{\"image\": \"a\", \"question\": \"b\"}\n\(line)\n", to: "q.jsonl")
    #expect(throws: CalibrationError.question(path: path, line: 2, problem: problem)) {
      try QuestionFile(path: path)
    }
  }

  @Test func brokenJSONIsNamedWithItsLine() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write("{\"image\": ", to: "q.jsonl")
    let error = #expect(throws: CalibrationError.self) { try QuestionFile(path: path) }
    guard case .question(path, 1, .json) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func aQuestionAboutNoPictureIsRefused() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write("{\"image\": \"a.png\", \"question\": \"b\"}", to: "q.jsonl")
    let file = try QuestionFile(path: path)
    #expect(
      throws: CalibrationError.question(
        path: path, line: 1, problem: .imageNotFound(folder.path("a.png")))
    ) { try file.matched(to: [SmallModel.picture(1)]) }
  }
}
