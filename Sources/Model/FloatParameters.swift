/// Supplies float weights one parameter at a time, so that a model larger than memory can be walked.
///
/// Class-bound, so that board modules may hold it as an existential in Embedded Swift.
package protocol FloatParameters: AnyObject, Sendable {
  /// The numbers of the parameter of this name, row-major in the parameter's shape.
  ///
  /// May read the mapped file and compute every time it is called; callers keep what they need again.
  /// - Throws: `parameterUnavailable` for an unknown name or one whose bytes cannot be read.
  func values(of name: String) throws(ModelError) -> [Float]

  /// Some of these numbers, for parameters too large to be held whole.
  ///
  /// A range outside the parameter is a trap. Costs no more than the range where the parameter is stored as it is, and
  /// as much as the whole where it is computed.
  /// - Throws: as `values(of:)`.
  func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float]
}

extension FloatParameters {
  package func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float] {
    Array(try values(of: name)[elements])
  }
}

/// Parameters held in memory: tests, small models.
package final class ParameterTable: FloatParameters {
  private let table: [String: [Float]]

  package init(_ table: [String: [Float]]) { self.table = table }

  package func values(of name: String) throws(ModelError) -> [Float] {
    guard let values = table[name] else {
      throw .parameterUnavailable(name: name, reason: "no such parameter")
    }
    return values
  }
}
