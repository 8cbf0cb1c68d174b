import MartletBytes
import MartletCheckpoints

extension SyntheticCheckpoint {
  /// The checkpoint without any weights on disk: tensors are made each time they are read.
  ///
  /// Nothing that readers ignore is in it: no step counters, no CLIP head.
  /// - Parameter directory: where configuration and tokenizer are written; it must exist while the result is used.
  package func opened(beside directory: String) throws(SynthesisError) -> Checkpoint {
    try writeFiles(to: directory)
    var known: [String: Numbers] = [:]
    var declarations: [TensorDeclaration] = []
    do throws(CheckpointError) {
      for tensor in tensors {
        guard case .floats(let numbers) = tensor.content, !tensor.name.hasSuffix(".head.proj")
        else { continue }
        known[tensor.name] = numbers
        declarations.append(try tensor.declaration(type: type))
      }
      return try Checkpoint.made(
        declarations, by: MadeNumbers(known), beside: directory)
    } catch { throw .checkpoint(error) }
  }
}

/// Hands a checkpoint's reader the numbers it asks for.
private final class MadeNumbers: TensorMaker {
  private let numbers: [String: Numbers]

  init(_ numbers: [String: Numbers]) { self.numbers = numbers }

  func floats(_ name: String, elements: Range<Int>) -> [Float] {
    guard let numbers = numbers[name] else {
      preconditionFailure("only declared tensors are asked for")
    }
    return numbers.values(elements)
  }
}
