import CFuzzGuard
import MartletBytes
import MartletExport
import MartletModel
import MartletPack
import MartletText

/// Packs: opened, listed, unpacked, and every number decoded as `export` does.
enum Packs {
  private static let file = InputFile()
  private static let pool: ThreadPool = {
    do { return try ThreadPool(threads: 1) } catch { martlet_fuzz_fail("no pool of one thread") }
  }()
  private static let piece = 1 << 14
  /// What pack-format.md promises.
  private static let largestExpansion = 16

  static func read(_ input: [UInt8]) {
    file.fill(input)
    _ = try? Pack.isPack(path: file.path)
    guard let pack = try? Pack(path: file.path) else { return }
    keep(pack.provenance.entries)
    if let specification = pack.description.tokenizer, let tokenizer = try? Tokenizer(specification)
    {
      Words.use(tokenizer)
      if let template = pack.description.prompt {
        keep(try? Prompt(question: "a?", imageCount: 1, template: template, tokenizer: tokenizer))
      }
    }
    for golden in pack.proof?.goldens ?? [] {
      keep(golden.answer)
      keep(try? golden.picture.pixels())
    }
    try? pack.verifyTensors(pool: pool)
    guard let parameters = try? PackParameters(pack, pool: pool) else { return }
    var (stored, unpacked) = (0, 0)
    for tensor in pack.tensors {
      stored += Int(tensor.storedBytes)
      unpacked += Int(tensor.byteCount)
      let count = tensor.shape.reduce(1, *)
      for start in stride(from: 0, to: count, by: piece) {
        let elements = start..<min(count, start + piece)
        keep(try? parameters.values(of: tensor.name, elements: elements))
      }
    }
    if unpacked > largestExpansion * stored + largestExpansion * pack.tensors.count * 3 {
      martlet_fuzz_fail("\(unpacked) bytes unpacked from \(stored)")
    }
  }
}
