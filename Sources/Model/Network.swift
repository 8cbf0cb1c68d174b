/// Index of a parameter in its network.
package struct ParameterID: Hashable, Sendable {
  package let index: Int
  package init(_ index: Int) { self.index = index }
}

/// Index of a value in its network.
package struct ValueID: Hashable, Sendable {
  package let index: Int
  package init(_ index: Int) { self.index = index }
}

/// A named weight tensor; the bytes live elsewhere.
package struct Parameter: Equatable, Sendable {
  /// Unique over the whole model, e.g. `vision.stages.0.blocks.1.ffn.fc1.weight`.
  package var name: String
  /// Outermost first; linear layers `[outputs, inputs]`, vectors `[channels]`.
  package var shape: [Int]
  package var count: Int { shape.reduce(1, *) }

  package init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }
}

/// What flows between layers.
package enum ValueShape: Equatable, Sendable {
  /// `[side / stride, side / stride, channels]` for an input picture of `side` pixels.
  case map(channels: Int, stride: Int)
  /// `[rows, channels]`
  case rows(channels: Int)
  /// `[rows]` token ids; negative where an image row goes.
  case ids

  /// Channels of a pixel or row; 1 for ids.
  package var channels: Int {
    switch self {
    case .map(let channels, _), .rows(let channels): channels
    case .ids: 1
    }
  }
}

/// A named intermediate result.
package struct Value: Equatable, Sendable {
  package var name: String
  package var shape: ValueShape

  package init(name: String, shape: ValueShape) {
    self.name = name
    self.shape = shape
  }
}

/// One operation with its inputs and its single output. The output value carries the layer's name.
package struct Layer: Equatable, Sendable {
  /// Unique over the whole model, e.g. `vision.stages.0.blocks.1.ffn.fc1`.
  package var name: String
  package var op: Op
  package var inputs: [ValueID]
  package var output: ValueID

  package init(name: String, op: Op, inputs: [ValueID], output: ValueID) {
    self.name = name
    self.op = op
    self.inputs = inputs
    self.output = output
  }
}

/// The parts of a model.
package enum NetworkRole: Int, CaseIterable, Sendable, Hashable {
  case vision, projector, language

  /// The first component of all names of the part.
  package var name: String {
    switch self {
    case .vision: "vision"
    case .projector: "projector"
    case .language: "language"
    }
  }
}

/// Layers in execution order over values, plus the parameters they name.
package struct Network: Equatable, Sendable {
  package var role: NetworkRole
  package var parameters: [Parameter]
  package var values: [Value]
  package var layers: [Layer]
  package var inputs: [ValueID]
  package var output: ValueID

  package init(
    role: NetworkRole, parameters: [Parameter], values: [Value], layers: [Layer],
    inputs: [ValueID], output: ValueID
  ) {
    self.role = role
    self.parameters = parameters
    self.values = values
    self.layers = layers
    self.inputs = inputs
    self.output = output
  }

  package subscript(_ id: ParameterID) -> Parameter { parameters[id.index] }
  package subscript(_ id: ValueID) -> Value { values[id.index] }
}
