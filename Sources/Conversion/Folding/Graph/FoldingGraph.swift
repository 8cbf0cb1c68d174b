import MartletModel

/// A network being folded: rules look at it, rewrite layers and define new parameters.
///
/// A rule turns the *last* layer of its pattern into the folded op and leaves the rest in place, unread; order and
/// names of what remains thereby stay valid. What nothing reads any more is dropped between two applications.
struct FoldingGraph {
  private(set) var network: Network
  /// One for each parameter of `network`.
  private var tensors: [LazyTensor]
  /// Parameters made by rules.
  private(set) var derived: Set<ParameterID> = []

  init(_ network: Network, parameters: any FloatParameters) {
    self.network = network
    tensors = network.parameters.map { LazyTensor($0, from: parameters) }
    dropUnreadLayers()
  }

  func tensor(_ id: ParameterID) -> LazyTensor { tensors[id.index] }

  /// A parameter computed from others, named after its layer. An old parameter of that name that stays in use keeps
  /// it; `swept()` then gives the new one another.
  mutating func define(_ name: String, _ tensor: LazyTensor) -> ParameterID {
    let id = ParameterID(network.parameters.count)
    network.parameters.append(Parameter(name: name, shape: tensor.shape))
    tensors.append(tensor)
    derived.insert(id)
    return id
  }

  /// Keeps the layers on a path to the network's output.
  mutating func dropUnreadLayers() {
    var read: Set<ValueID> = [network.output]
    var live: [Layer] = []
    for layer in network.layers.reversed() where read.contains(layer.output) {
      live.append(layer)
      read.formUnion(layer.inputs)
    }
    network.layers = live.reversed()
  }

  /// Turns a layer into another op on other inputs; its name and output stay.
  mutating func rewrite(layer index: Int, as op: Op, inputs: [ValueID]) {
    network.layers[index].op = op
    network.layers[index].inputs = inputs
  }

  /// Gives a layer's linear map other numbers, and the layer its inputs.
  mutating func rewrite(
    layer index: Int, as map: LinearMap, inputs: [ValueID], weight: LazyTensor, bias: LazyTensor?
  ) {
    let name = network.layers[index].name
    let weightID = define("\(name).weight", weight)
    let biasID = bias.map { define("\(name).bias", $0) }
    rewrite(layer: index, as: map.replacing(weight: weightID, bias: biasID), inputs: inputs)
  }

  /// The layer that makes a value; `nil` for inputs of the network.
  func producer(of value: ValueID) -> Int? {
    network.layers.firstIndex { $0.output == value }
  }

  /// The one layer that reads the value, once, if nothing else does.
  func soleReader(of value: ValueID) -> Int? {
    if network.output == value { return nil }
    var found: Int?
    for (index, layer) in network.layers.enumerated() {
      for input in layer.inputs where input == value {
        if found != nil { return nil }
        found = index
      }
    }
    return found
  }

  /// The layer that makes a value which nobody but `reader` reads.
  func producer(of value: ValueID, readOnlyBy reader: Int) -> Int? {
    soleReader(of: value) == reader ? producer(of: value) : nil
  }

  /// A linear map that makes a value which nobody but `reader` reads.
  func linearMap(of value: ValueID, readOnlyBy reader: Int) -> (map: LinearMap, layer: Layer)? {
    guard let index = producer(of: value, readOnlyBy: reader),
      let map = LinearMap(network.layers[index].op)
    else { return nil }
    return (map, network.layers[index])
  }

  func weight(of map: LinearMap) -> LazyTensor { tensor(map.weight) }

  /// The bias, zeros where there is none.
  func bias(of map: LinearMap) -> LazyTensor {
    map.bias.map { tensor($0) } ?? .zeros([map.outputs])
  }
}
