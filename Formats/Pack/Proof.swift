import MartletBytes
import MartletModel

/// What a model answered when its pack was made, so that a board can find out by itself whether it still does
/// (pack-format.md, section 3.10).
///
/// The runtime's arithmetic is normative, so whatever is said of the pack must come out again bit for bit. What is said
/// of the float reference is there to be shown.
package struct Proof: Equatable, Sendable {
  /// Where the pictures come from.
  package enum Origin: UInt8, Equatable, Sendable {
    /// Martlet drew them.
    case drawn = 0
    /// They were taken, made smaller, from the pictures given to the conversion.
    case given = 1
  }

  /// Records whose checksums the proof keeps, in their order.
  package static let coveredRecords: [RecordType] = [.image, .tokenizer, .prompt, .networks, .plan]
  /// A proof has 1 to this many pictures.
  package static let mostGoldens = 8

  package var origin: Origin
  /// Checksums of `coveredRecords`; 0 for a record the pack does not have.
  package var records: [UInt64]
  /// `StoredTensor.mark` of every tensor, in order.
  package var tensors: [UInt64]
  /// Text with much in it that a tokenizer can get wrong; `nil` where the pack has no tokenizer.
  package var probe: Probe?
  package var goldens: [Golden]

  package init(
    origin: Origin, records: [UInt64], tensors: [UInt64], probe: Probe?, goldens: [Golden]
  ) {
    self.origin = origin
    self.records = records
    self.tensors = tensors
    self.probe = probe
    self.goldens = goldens
  }

  package struct Probe: Equatable, Sendable {
    package var text: String
    package var ids: [Int]

    package init(text: String, ids: [Int]) {
      self.text = text
      self.ids = ids
    }
  }

  /// A picture with what it became on its way through the model.
  package struct Golden: Equatable, Sendable {
    /// The name of the file it was made from, or what was drawn.
    package var name: String
    package var picture: StoredPicture
    /// Side of the encoder's input that it was run at; the pack's own or a smaller one.
    package var side: Int
    /// SHA-256 of the prepared pixels at `side`.
    package var pixels: [UInt8]
    /// SHA-256 of the picture prepared at `Golden.smallSide`, which makes it smaller where `side` makes it larger.
    package var smallPixels: [UInt8]
    /// One for each layer that was run, in the order of networks and layers; without an answer, none of the language
    /// network.
    package var layers: [LayerMark]
    /// `nil` where the pack answers no questions.
    package var answer: GoldenAnswer?

    package static let smallSide = 64
    /// Longest side of a stored picture in pixels.
    package static let longestSide = 512
    /// Positions a golden prompt takes at most, image tokens included: what the runtime runs in one part.
    package static let mostPositions = 320
    /// Ids of an answer at most: generation ends here or at an id that ends answers.
    package static let mostTokens = 16

    package init(
      name: String, picture: StoredPicture, side: Int, pixels: [UInt8], smallPixels: [UInt8],
      layers: [LayerMark], answer: GoldenAnswer?
    ) {
      self.name = name
      self.picture = picture
      self.side = side
      self.pixels = pixels
      self.smallPixels = smallPixels
      self.layers = layers
      self.answer = answer
    }
  }

  /// A few numbers of a value: enough to see from them how far two differ.
  package struct Summary: Equatable, Sendable {
    package static let sampleCount = 4

    package var mean: Float
    package var rootMeanSquare: Float
    /// The largest absolute value.
    package var largest: Float
    /// The elements in the middle of each quarter: `⌊(2i + 1) · n / 8⌋` of `n`.
    package var samples: [Float]

    package init(mean: Float, rootMeanSquare: Float, largest: Float, samples: [Float]) {
      self.mean = mean
      self.rootMeanSquare = rootMeanSquare
      self.largest = largest
      self.samples = samples
    }
  }

  /// What came out of a layer.
  package struct LayerMark: Equatable, Sendable {
    /// XXH64 of the pack's values as little-endian f32.
    package var checksum: UInt64
    package var pack: Summary
    package var reference: Summary
    /// Power of the reference over power of the difference in decibels, over at most 4096 elements; at most 200.
    package var signalToNoise: Float

    package init(
      checksum: UInt64, pack: Summary, reference: Summary, signalToNoise: Float
    ) {
      self.checksum = checksum
      self.pack = pack
      self.reference = reference
      self.signalToNoise = signalToNoise
    }
  }

  /// A next token with its logit.
  package struct Candidate: Equatable, Sendable {
    package var id: Int
    package var logit: Float

    package init(id: Int, logit: Float) {
      self.id = id
      self.logit = logit
    }
  }

  /// A question about a golden picture, with what was answered.
  package struct GoldenAnswer: Equatable, Sendable {
    package var question: String
    /// The prompt, `PromptTemplate.imageSentinel` at the picture.
    package var promptIDs: [Int]
    /// The likeliest next tokens, best first.
    package var packCandidates: [Candidate]
    package var referenceCandidates: [Candidate]
    /// Divergence of the pack's next-token distribution from the reference's in nats.
    package var divergence: Float
    /// Greedy ids, without the one that ends an answer.
    package var packIDs: [Int]
    package var referenceIDs: [Int]
    package var packText: String
    package var referenceText: String

    /// Candidates kept at most.
    package static let mostCandidates = 16

    package init(
      question: String, promptIDs: [Int], packCandidates: [Candidate],
      referenceCandidates: [Candidate], divergence: Float, packIDs: [Int], referenceIDs: [Int],
      packText: String, referenceText: String
    ) {
      self.question = question
      self.promptIDs = promptIDs
      self.packCandidates = packCandidates
      self.referenceCandidates = referenceCandidates
      self.divergence = divergence
      self.packIDs = packIDs
      self.referenceIDs = referenceIDs
      self.packText = packText
      self.referenceText = referenceText
    }
  }
}

extension StoredTensor {
  /// Names the tensor's content: XXH64 of its name, encoding, and the sizes and checksums of its frames.
  package var mark: UInt64 {
    var writer = ByteWriter()
    writer.text(name)
    writer.uint8(encoding.code)
    for component in components {
      for frame in component.frames {
        writer.uint32(frame.storedBytes)
        writer.uint64(frame.checksum)
      }
    }
    return XXH64.checksum(writer.bytes)
  }
}

extension Pack {
  /// What `Proof.records` has to be for this pack.
  package var coveredChecksums: [UInt64] {
    Proof.coveredRecords.map { type in
      for record in records where record.known == type { return record.checksum }
      return 0
    }
  }

  /// Bytes of the proof's record; 0 without one.
  package var proofBytes: Int {
    for record in records where record.known == .proof { return Int(clamping: record.byteCount) }
    return 0
  }
}
