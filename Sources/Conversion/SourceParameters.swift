import MartletCheckpoints
import MartletModel

/// A checkpoint's tensors as parameters of the networks built from it.
///
/// Nothing is kept: every call reads the mapped file, stacks what belongs together and lets the pages go again, so that
/// a model larger than memory can be walked.
package final class SourceParameters: FloatParameters {
  private let checkpoint: Checkpoint
  /// Parameter name to the tensors that make it up, stacked along the outermost extent.
  private let bindings: [String: [String]]
  /// Smaller tensors share pages with their neighbors and are not worth a system call.
  private static let discardedFrom = 1 << 20

  init(checkpoint: Checkpoint, bindings: [String: [String]]) {
    self.checkpoint = checkpoint
    self.bindings = bindings
  }

  /// The tensors behind a parameter; empty for a name that is none.
  package func tensors(of name: String) -> [String] { bindings[name] ?? [] }

  package func values(of name: String) throws(ModelError) -> [Float] {
    guard let tensors = bindings[name] else {
      throw .parameterUnavailable(name: name, reason: "no such parameter")
    }
    do throws(CheckpointError) {
      if tensors.count == 1 { return try read(tensors[0]) }
      var values: [Float] = []
      values.reserveCapacity(tensors.reduce(0) { $0 + (checkpoint[$1]?.count ?? 0) })
      for tensor in tensors { values += try read(tensor) }
      return values
    } catch {
      throw .parameterUnavailable(name: name, reason: "\(error)")
    }
  }

  package func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float] {
    guard let tensors = bindings[name] else {
      throw .parameterUnavailable(name: name, reason: "no such parameter")
    }
    var values: [Float] = []
    values.reserveCapacity(elements.count)
    // Where the tensor begins within the parameter.
    var start = 0
    do throws(CheckpointError) {
      for tensor in tensors {
        let count = checkpoint[tensor]?.count ?? 0
        let part = elements.clamped(to: start..<start + count)
        if !part.isEmpty {
          let inner = part.lowerBound - start..<part.upperBound - start
          let read = try checkpoint.floats(tensor, elements: inner)
          if inner.count >= Self.discardedFrom {
            try checkpoint.discard(tensor, elements: inner)
          }
          if part == elements { return read }
          values += read
        }
        start += count
      }
    } catch { throw .parameterUnavailable(name: name, reason: "\(error)") }
    precondition(values.count == elements.count, "the parameter has no such elements")
    return values
  }

  private func read(_ tensor: String) throws(CheckpointError) -> [Float] {
    let values = try checkpoint.floats(tensor)
    if values.count >= Self.discardedFrom { try checkpoint.discard(tensor) }
    return values
  }
}
