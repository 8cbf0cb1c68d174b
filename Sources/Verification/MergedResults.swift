import MartletBytes

/// The results of all shards of one evaluation together.
package struct MergedResults: Sendable {
  /// Of the first file.
  package let subject: EvaluationSubject
  /// Every picture once, in order: what one run over all of them would have found.
  package let records: [PictureRecord]

  /// - Throws: `otherEvaluation` for files that do not belong together, `overlap` for a picture in two of them,
  ///   `missing` for pictures in none, `results` for damaged files.
  package init(_ paths: [String]) throws(VerificationError) {
    var files: [ResultsFile] = []
    for path in paths {
      guard let file = try ResultsFile.read(path) else {
        throw .results(path: path, line: 1, problem: .noHeader)
      }
      if file.unfinishedBytes > 0 {
        throw .results(path: path, line: file.records.count + 2, problem: .unfinished)
      }
      files.append(file)
    }
    guard let first = files.first else { throw .noPictures }
    subject = first.subject
    var places: [Int: String] = [:]
    var questions: [Int: String] = [:]
    var records: [PictureRecord] = []
    for file in files {
      if let difference = first.subject.difference(from: file.subject) {
        throw .otherEvaluation(
          path: file.path, what: difference.what, expected: difference.expected,
          found: difference.found)
      }
      for record in file.records {
        if let other = places.updateValue(file.path, forKey: record.picture) {
          throw .overlap(picture: record.name, path: other, other: file.path)
        }
        for question in record.questions {
          if let other = questions.updateValue(file.path, forKey: question.question) {
            throw .overlap(picture: record.name, path: other, other: file.path)
          }
        }
        records.append(record)
      }
    }
    try Self.requireAll(first.subject, places)
    self.records = records.sorted { $0.picture < $1.picture }
  }

  /// Names the shards that pictures are missing from.
  private static func requireAll(
    _ subject: EvaluationSubject, _ places: [Int: String]
  ) throws(VerificationError) {
    if places.count == subject.pictures { return }
    let count = subject.shard.count
    var found: [Int: Int] = [:]
    for picture in places.keys { found[picture % count, default: 0] += 1 }
    var shards: [Int] = []
    for index in 1...count {
      let shard = Shard(index: index, count: count)
      if found[index - 1, default: 0] < shard.pictures(of: subject.pictures) {
        shards.append(index)
      }
      // Enough to act on.
      if shards.count == 8 { break }
    }
    throw .missing(
      pictures: subject.pictures - places.count, of: subject.pictures, shards: shards,
      shardCount: count)
  }
}
