/// What can be wrong with a description of a model. Cases carry evidence; `Tools/` words them.
package enum ModelError: Error, Equatable, Sendable {
  /// A layer names a value or parameter that does not exist, or reads a value before it is made.
  case danglingReference(layer: String, what: String)
  /// Two layers, values or parameters share a name.
  case duplicateName(String)
  /// An op received the wrong number of inputs.
  case inputCount(layer: String, expected: Int, found: Int)
  /// An op received a value of the wrong width or kind.
  case inputShape(layer: String, expected: String, found: String)
  /// A parameter's shape does not fit its op.
  case parameterShape(layer: String, parameter: String, expected: [Int], found: [Int])
  /// A size is zero, negative or beyond what a model may have.
  case extent(layer: String, what: String, found: Int)
  /// The op may not stand in a folded network.
  case notRunnable(layer: String, op: String)
  /// A parameter's numbers could not be supplied.
  case parameterUnavailable(name: String, reason: String)
  /// A parameter holds a number that is not finite.
  case notFinite(parameter: String, index: Int)
}
