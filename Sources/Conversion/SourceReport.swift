/// What reading a checkpoint decided where the files left a choice, so that nothing happens silently.
package struct SourceReport: Equatable, Sendable {
  /// How the encoder's re-parameterizable units are stored. A RepMixer in train-time form holds another unit.
  package struct Forms: Equatable, Sendable {
    package var fused = 0
    package var trainTime = 0

    package init(fused: Int = 0, trainTime: Int = 0) {
      self.fused = fused
      self.trainTime = trainTime
    }
  }

  /// Where the output matrix of the language model comes from (reference section 4.3).
  package enum Head: Equatable, Sendable {
    /// No `lm_head`: the embedding serves.
    case absent
    /// `lm_head` is there but the configuration ties: the embedding wins, as in the reference code.
    case tiedByConfiguration(copyDiffers: Bool)
    /// `lm_head` is there, untied, and equal to the embedding in every bit: stored once.
    case identicalCopy
    /// `lm_head` is its own matrix.
    case own
  }

  /// Why tensors of the file are not part of the model.
  package enum Ignored: String, CaseIterable, Equatable, Sendable {
    /// CLIP's image head: the language model reads the map before it.
    case contrastiveHead
    /// A count of training steps beside every batch norm.
    case batchCounter
    /// The copy of a tied embedding.
    case tiedHead
    /// Separator rows of a merge type that this checkpoint does not use.
    case imageNewline
    /// The other half of a contrastive model.
    case textEncoder
    /// Rotary frequencies, which follow from theta.
    case rotaryFrequencies
  }
  package struct IgnoredTensors: Equatable, Sendable {
    package var reason: Ignored
    package var names: [String]

    package init(reason: Ignored, names: [String]) {
      self.reason = reason
      self.names = names
    }
  }

  /// A setting that no file states.
  package struct Default: Equatable, Sendable {
    package var setting: String
    package var value: String

    package init(setting: String, value: String) {
      self.setting = setting
      self.value = value
    }
  }

  /// How the source names its tensors.
  package enum Layout: Equatable, Sendable {
    case fastVLM(FastVLMLayout)
    case encoder(EncoderLayout)

    package var name: String {
      switch self {
      case .fastVLM(let layout): layout.rawValue
      case .encoder(let layout): layout.rawValue
      }
    }
  }

  package var layout: Layout
  package var forms: Forms
  /// `nil` for an encoder alone.
  package var head: Head?
  package var ignored: [IgnoredTensors] = []
  package var defaults: [Default] = []
  /// The element types of the tensors in use, with their counts, by name of the type.
  package var elementTypes: [String: Int] = [:]
}
