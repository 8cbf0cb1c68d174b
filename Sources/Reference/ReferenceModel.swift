import MartletModel

/// A whole model in float: picture to image tokens, prompt to logits, greedy continuation.
///
/// Works on source and folded descriptions alike, and on models that lack parts (the missing part is an error when used).
package final class ReferenceModel {
  package let description: ModelDescription
  /// What it was made of.
  package let parameters: any FloatParameters
  private let executors: [NetworkRole: ReferenceExecutor]

  /// - Throws: `model` if a network does not validate.
  package init(
    description: ModelDescription, parameters: any FloatParameters,
    options: ReferenceOptions = .init()
  ) throws(ReferenceError) {
    self.description = description
    self.parameters = parameters
    let weights = WeightCache(parameters, byteLimit: options.weightByteLimit)
    var executors: [NetworkRole: ReferenceExecutor] = [:]
    for network in description.networks {
      executors[network.role] = try ReferenceExecutor(
        network: network, weights: weights, options: options)
    }
    self.executors = executors
  }

  /// The executor of a part.
  package func executor(_ role: NetworkRole) throws(ReferenceError) -> ReferenceExecutor {
    guard let executor = executors[role] else { throw .missingNetwork(role) }
    return executor
  }

  /// The encoder's output for a prepared picture, `[tokens, channels]`, token = y · width + x.
  package func encoded(
    _ pixels: Pixels, tap: ReferenceTap? = nil
  ) throws(ReferenceError) -> ReferenceTensor {
    let output = try executor(.vision).run([.tensor(ReferenceTensor(pixels))], tap: tap)
    return output.flattened
  }

  /// Image tokens `[tokens, hidden]` from the encoder's output.
  package func projected(
    _ encoded: ReferenceTensor, tap: ReferenceTap? = nil
  ) throws(ReferenceError) -> ReferenceTensor {
    try executor(.projector).run([.tensor(encoded)], tap: tap)
  }

  /// Logits after the last row, `[vocabulary]`, unmasked.
  ///
  /// Every `PromptTemplate.imageSentinel` in `ids` stands for all rows of the next of `images`.
  /// - Throws: `imageCount` where sentinels and images differ in number.
  package func prefilled(
    ids: [Int], images: [ReferenceTensor], cache: KeyValueCache, tap: ReferenceTap? = nil
  ) throws(ReferenceError) -> [Float] {
    let executor = try executor(.language)
    let places = ids.count { $0 == PromptTemplate.imageSentinel }
    if places != images.count { throw .imageCount(places: places, images: images.count) }
    var spliced: [Int] = []
    var next = 0
    for id in ids {
      if id == PromptTemplate.imageSentinel {
        spliced += [Int](repeating: id, count: images[next].rows)
        next += 1
      } else {
        spliced.append(id)
      }
    }
    let output = try executor.run(
      languageInputs(executor, ids: spliced, images: images), cache: cache, tap: tap)
    return Array(output.row(output.rows - 1))
  }

  /// Logits after one more token.
  package func advanced(
    id: Int, cache: KeyValueCache, tap: ReferenceTap? = nil
  ) throws(ReferenceError) -> [Float] {
    let executor = try executor(.language)
    let output = try executor.run(
      languageInputs(executor, ids: [id], images: []), cache: cache, tap: tap)
    return Array(output.row(output.rows - 1))
  }

  /// The most likely id below the tokenizer's size; the first of equals.
  package func greedyChoice(_ logits: [Float]) -> Int {
    let size = min(description.tokenizer?.size ?? logits.count, logits.count)
    var best = 0
    for id in 0..<size where logits[id] > logits[best] { best = id }
    return best
  }

  /// Exactly `count` greedy ids from the logits of a prefill; not stopped by any id.
  /// - Parameter observe: called with each id as soon as it is known; `false` ends the generation.
  package func greedyContinuation(
    of logits: [Float], count: Int, cache: KeyValueCache,
    observe: (_ id: Int) -> Bool = { _ in true }
  ) throws(ReferenceError) -> [Int] {
    var ids: [Int] = []
    var logits = logits
    while ids.count < count {
      let id = greedyChoice(logits)
      ids.append(id)
      if !observe(id) || ids.count == count { break }
      logits = try advanced(id: id, cache: cache)
    }
    return ids
  }

  /// The image rows follow the ids where the network takes them.
  private func languageInputs(
    _ executor: ReferenceExecutor, ids: [Int], images: [ReferenceTensor]
  ) -> [ReferenceInput] {
    var inputs: [ReferenceInput] = [.ids(ids)]
    let network = executor.network
    if network.inputs.count == 2 {
      let channels = images.first?.channels ?? network[network.inputs[1]].shape.channels
      let rows = images.reduce(0) { $0 + $1.rows }
      inputs.append(
        .tensor(ReferenceTensor(rows: rows, channels: channels, data: images.flatMap(\.data))))
    }
    return inputs
  }
}
