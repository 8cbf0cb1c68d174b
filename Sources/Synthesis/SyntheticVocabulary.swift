import MartletModel
import MartletText

/// A byte-level vocabulary of any size: all bytes, then made-up words of the letters a to z.
///
/// The words of up to four letters, shorter ones with and without a space in front, need no text to learn from: a short
/// word is one token or two, about as with a trained vocabulary, and every id decodes to text.
struct SyntheticVocabulary {
  /// The bytes of each token.
  private(set) var tokens: [[UInt8]] = []
  /// Ids of the two parts, in the order of their ranks; rank r makes token 256 + r.
  private(set) var merges: [(left: Int, right: Int)] = []
  /// Tokens behind the vocabulary: Qwen2's three, or Qwen2.5's twenty-two.
  let added: [TokenizerSpecification.AddedToken]

  private let size: Int
  private static let letters = 26

  /// - Parameter size: 256 or more.
  init(size: Int, tokenizer: ModelShape.Tokenizer, hasImageToken: Bool) {
    precondition(size >= 256)
    self.size = size
    var contents = Self.qwen2
    if tokenizer == .qwen2Point5 { contents += Self.qwen2Point5 }
    if hasImageToken { contents.append(("<image>", true)) }
    added = contents.enumerated().map { index, token in
      .init(id: size + index, content: token.text, isSpecial: token.isSpecial)
    }
    tokens = ByteAlphabet.order.map { [$0] }
    tokens.reserveCapacity(size)
    addWords()
  }

  /// The id of `<image>` where it is a token; Apple's layout has none.
  var imageID: Int { added.last.map(\.id) ?? size }

  private mutating func addWords() {
    var bytes = [Int](repeating: 0, count: 256)
    for (id, token) in tokens.enumerated() { bytes[Int(token[0])] = id }
    let single = (0..<Self.letters).map { bytes[Int(UInt8(ascii: "a")) + $0] }
    let space = bytes[Int(UInt8(ascii: " "))]
    // Letters join before the space does: nothing joins a space's word and more letters.
    let pairs = addAll(single, single)
    let triples = addAll(pairs, single)
    for word in single + pairs + triples { add(space, word) }
    // Four letters, far more than are ever needed: taken with a stride prime to their number, so that all letters occur.
    let count = pairs.count * pairs.count
    var index = 0
    for _ in 0..<count where tokens.count < size {
      index = (index + 180_001) % count
      add(pairs[index / pairs.count], pairs[index % pairs.count])
    }
    precondition(tokens.count == size, "no vocabulary is larger than all words of four letters")
  }

  /// Joins every left with every right while there is room; the ids made.
  private mutating func addAll(_ lefts: [Int], _ rights: [Int]) -> [Int] {
    let first = tokens.count
    for left in lefts {
      for right in rights { add(left, right) }
    }
    return Array(first..<tokens.count)
  }

  private mutating func add(_ left: Int, _ right: Int) {
    if tokens.count == size { return }
    tokens.append(tokens[left] + tokens[right])
    merges.append((left, right))
  }

  private static let qwen2: [(text: String, isSpecial: Bool)] = [
    ("<|endoftext|>", true), ("<|im_start|>", true), ("<|im_end|>", true),
  ]

  /// What Qwen2.5 adds (reference section 6).
  private static let qwen2Point5: [(text: String, isSpecial: Bool)] = [
    ("<|object_ref_start|>", true), ("<|object_ref_end|>", true), ("<|box_start|>", true),
    ("<|box_end|>", true), ("<|quad_start|>", true), ("<|quad_end|>", true),
    ("<|vision_start|>", true), ("<|vision_end|>", true), ("<|vision_pad|>", true),
    ("<|image_pad|>", true), ("<|video_pad|>", true), ("<tool_call>", false),
    ("</tool_call>", false), ("<|fim_prefix|>", false), ("<|fim_middle|>", false),
    ("<|fim_suffix|>", false), ("<|fim_pad|>", false), ("<|repo_name|>", false),
    ("<|file_sep|>", false),
  ]
}
