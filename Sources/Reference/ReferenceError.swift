import MartletModel

/// What can go wrong while a network runs in float.
package enum ReferenceError: Error, Equatable, Sendable {
  /// The network does not validate, or a parameter could not be supplied.
  case model(ModelError)
  /// The model has no such part.
  case missingNetwork(NetworkRole)
  /// The network takes another number of inputs.
  case inputCount(network: String, expected: Int, found: Int)
  /// An input has the wrong width or kind, or an op received maps of different sizes.
  case inputShape(value: String, expected: String, found: String)
  /// A parameter came with another number of elements than its shape has.
  case parameterCount(name: String, expected: Int, found: Int)
  /// A token id that is not a row of the table.
  case tokenOutOfRange(layer: String, id: Int, rows: Int)
  /// The places for image rows (negative ids) and the image rows given differ in number.
  case imageRowCount(layer: String, places: Int, rows: Int)
  /// The places for images in a prompt and the images given differ in number.
  case imageCount(places: Int, images: Int)
  /// A cache that was filled by another network.
  case cacheMismatch(layer: String)
  /// A layer's output holds a number that is not finite, first at this element.
  case notFinite(layer: String, index: Int)
}
