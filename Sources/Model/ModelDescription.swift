/// A model without its numbers: the networks and everything around them that a pack must carry.
package struct ModelDescription: Equatable, Sendable {
  /// The source's own name for its architecture, e.g. `llava_qwen2`.
  package var architecture: String
  package var networks: [Network]
  package var image: ImageSpecification
  package var tokenizer: TokenizerSpecification?
  package var prompt: PromptTemplate?

  package init(
    architecture: String, networks: [Network], image: ImageSpecification,
    tokenizer: TokenizerSpecification?, prompt: PromptTemplate?
  ) {
    self.architecture = architecture
    self.networks = networks
    self.image = image
    self.tokenizer = tokenizer
    self.prompt = prompt
  }

  /// The network of a role, if the model has it (an encoder-only source has no language part).
  package func network(_ role: NetworkRole) -> Network? {
    for network in networks where network.role == role { return network }
    return nil
  }
}

/// A model as its checkpoint stores it, in source ops.
package struct SourceModel: Sendable {
  package let description: ModelDescription
  package let parameters: any FloatParameters

  /// - Throws: the first fault of any network.
  package init(description: ModelDescription, parameters: any FloatParameters) throws(ModelError) {
    for network in description.networks { try network.validate() }
    self.description = description
    self.parameters = parameters
  }
}

/// A model of runnable ops only, still in float; equal to its source within rounding.
package struct FoldedModel: Sendable {
  package let description: ModelDescription
  package let parameters: any FloatParameters

  /// - Throws: `notRunnable` where a source op is left, or the first fault of any network.
  package init(description: ModelDescription, parameters: any FloatParameters) throws(ModelError) {
    for network in description.networks {
      try network.validate()
      try network.validateRunnable()
    }
    self.description = description
    self.parameters = parameters
  }
}

/// Supplies encoded weights one parameter at a time.
package protocol EncodedParameters: AnyObject, Sendable {
  /// - Throws: `parameterUnavailable` for an unknown name, `notFinite` for numbers that cannot be encoded.
  func encoded(_ name: String) throws(ModelError) -> EncodedParameter
}

/// A model with the precision of every part decided; what the pack writer takes.
package struct QuantizedModel: Sendable {
  package let description: ModelDescription
  package let plan: QuantizationPlan
  package let parameters: any EncodedParameters
  /// How it differs from the folded model it was made of.
  package let preparation: ModelPreparation

  /// - Throws: what `validate(plan:)` finds.
  package init(
    description: ModelDescription, plan: QuantizationPlan, parameters: any EncodedParameters,
    preparation: ModelPreparation = ModelPreparation()
  ) throws(ModelError) {
    for network in description.networks {
      try network.validate()
      try network.validateRunnable()
      try network.validate(plan: plan)
    }
    self.description = description
    self.plan = plan
    self.parameters = parameters
    self.preparation = preparation
  }
}
