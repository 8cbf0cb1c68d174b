import MartletCheckpoints
import MartletModel

extension Checkpoint {
  /// The tokenizer that lies beside the weights.
  func tokenizer() throws(ConversionError) -> TokenizerSpecification {
    throw .tokenizerMissing(tried: [])
  }
}
