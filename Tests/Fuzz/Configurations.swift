import CFuzzGuard
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel

/// `config.json` and the files beside it, with the tensors of the tiny checkpoints: read up to a model, which holds
/// every setting against the tensors.
enum Configurations {
  private static let files = [
    "config.json", "preprocessor_config.json", "generation_config.json", "processor_config.json",
  ]
  private static let inputs = files.map { _ in InputFile() }

  /// Folders whose other files are those of a fixture.
  private static func folder(_ fixture: String, _ others: [String]) -> InputFolder {
    let given = zip(files, inputs).map { ($0, $1.path) }
    return Checkpoints.folder(given + others.map { ($0, "Tests/Fixtures/\(fixture)/\($0)") })
  }

  private static let folders = [
    folder("tiny/native", ["model.safetensors", "tokenizer.json"]),
    folder(
      "tiny/llava",
      [
        "model.safetensors", "vocab.json", "merges.txt", "added_tokens.json",
        "tokenizer_config.json", "special_tokens_map.json",
      ]),
    folder("mobileclip/apple", ["model.safetensors"]),
  ]

  /// A checkpoint for language models to join.
  private static let base = Checkpoints.open("Tests/Fixtures/tiny/llava")

  static func prepare() {
    if base == nil {
      martlet_fuzz_fail("Tests/Fixtures/tiny/llava: start in the repository's root")
    }
    keep(folders)
  }

  /// The first byte says which checkpoint it is; the rest is cut at zeros.
  static func read(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let parts = Array(input.dropFirst()).parts(files.count)
    for (index, file) in inputs.enumerated() {
      // An empty file is no JSON; an empty object says nothing.
      file.fill(index < parts.count && !parts[index].isEmpty ? parts[index] : Array("{}".utf8))
    }
    guard let checkpoint = Checkpoints.open(folders[Int(kind) % folders.count].path) else { return }
    keep(try? SourceModel.read(checkpoint))
  }

  /// A language model in GGUF.
  static func read(language: Checkpoint) {
    guard let base else { return }
    keep(try? SourceModel.read(base, languageSource: language))
  }
}
