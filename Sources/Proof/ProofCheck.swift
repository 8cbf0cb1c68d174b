// The check of a pack by itself: its golden pictures again through preprocessing, tokenizer and runtime.
//
// In:      an opened pack with the proof that its conversion left in it, its loaded weights, a runtime.
// Out:     the first place where this machine, or this pack, departs from what was there at conversion: pixels, tokens,
//          a layer, logits, text. Needs no checkpoint, no network and no other program.
// Refuses: packs without a proof; proofs whose pictures cannot be read, or whose questions the pack cannot take.
//
// Everything is compared bit for bit: the kernels' arithmetic is normative (CMartletKernels), so instruction set, threads,
// fusion and tiles have no say in a result, and a tolerance would only hide faults.

import MartletBytes
import MartletImages
import MartletModel
import MartletPack
import MartletRuntime
import MartletText

/// What keeps a proof from being made or checked.
package enum ProofError: Error, Equatable, Sendable {
  /// The pack holds no proof.
  case absent
  case pack(PackError)
  case image(ImageError)
  case text(TextError)
  case runtime(RuntimeError)
  /// A layer whose numbers are not finite: nothing can be proved of such a model.
  case notFinite(layer: String)
}

/// Runs what a proof holds and compares.
package struct ProofCheck {
  private let pack: Pack
  private let proof: Proof
  private let runner: GoldenRunner
  /// Replaces preprocessing; for tests of what a wrong rule would do.
  package var preparation: GoldenRunner.Preparation? {
    get { runner.preparation }
    set { runner.preparation = newValue }
  }

  /// - Throws: `absent`, `text` for a tokenizer that contradicts itself.
  package init(
    _ pack: Pack, model: LoadedModel, options: RunOptions, pool: ThreadPool
  ) throws(ProofError) {
    guard let proof = pack.proof else { throw .absent }
    try self.init(pack, proof, model: model, options: options, pool: pool)
  }

  /// - Parameter proof: a proof that is not in the pack yet.
  package init(
    _ pack: Pack, _ proof: Proof, model: LoadedModel, options: RunOptions, pool: ThreadPool
  ) throws(ProofError) {
    self.pack = pack
    self.proof = proof
    runner = try GoldenRunner(model: model, options: options, pool: pool)
  }

  /// Compares everything, the cheap things first, up to the first departure.
  ///
  /// Costs one run of the encoder and a short answer for every golden picture, and two for the cheapest, which runs layer
  /// by layer as well; a departure costs one more, to name the layer.
  package func outcome() throws(ProofError) -> ProofOutcome {
    let start = MonotonicClock.nanoseconds
    var outcome = ProofOutcome(proof: proof)
    outcome.departure = try departure(&outcome)
    outcome.milliseconds = MonotonicClock.milliseconds(since: start)
    return outcome
  }

  private func departure(_ outcome: inout ProofOutcome) throws(ProofError) -> ProofDeparture? {
    var prepared: [Pixels] = []
    for golden in proof.goldens {
      let picture: Pixels
      do throws(PackError) { picture = try golden.picture.pixels() } catch { throw .pack(error) }
      let pixels = try runner.prepared(picture, side: golden.side, name: golden.name)
      if SHA256.digest(pixels.bytes) != golden.pixels {
        return .pixels(golden: golden.name, side: golden.side)
      }
      let small = try runner.prepared(picture, side: Proof.Golden.smallSide, name: golden.name)
      if SHA256.digest(small.bytes) != golden.smallPixels {
        return .pixels(golden: golden.name, side: Proof.Golden.smallSide)
      }
      prepared.append(pixels)
    }
    if let changed = changedRecord([.image]) { return .record(changed) }
    if let departure = try tokenDeparture() { return departure }
    // The cheapest first, so that what fails fails soon, and that one layer by layer as well.
    let order = proof.goldens.indices.sorted {
      (proof.goldens[$0].side, $0) < (proof.goldens[$1].side, $1)
    }
    for index in order {
      let golden = proof.goldens[index]
      if index == order[0], runner.options.fuse {
        let watch = try watchedApart(golden, prepared[index])
        outcome.layersCompared += watch.compared
        if let found = watch.departure { return named(golden, found) }
      }
      if let departure = try runDeparture(golden, prepared[index], &outcome) { return departure }
      outcome.goldens += 1
    }
    if let changed = changedRecord([.networks, .plan]) { return .record(changed) }
    let tensors = changedTensors()
    return tensors.isEmpty ? nil : .weights(tensors)
  }

  // MARK: Tokens

  private func tokenDeparture() throws(ProofError) -> ProofDeparture? {
    if let probe = proof.probe, let found = runner.ids(of: probe.text),
      let place = Difference(probe.ids, found)
    {
      return .tokens(golden: nil, place)
    }
    for golden in proof.goldens {
      guard let answer = golden.answer else { continue }
      let found = try runner.promptIDs(answer.question)
      if let place = Difference(answer.promptIDs, found) {
        return .tokens(golden: golden.name, place)
      }
    }
    return changedRecord([.tokenizer, .prompt]).map { .record($0) }
  }

  // MARK: Layers, logits, text

  private func runDeparture(
    _ golden: Proof.Golden, _ pixels: Pixels, _ outcome: inout ProofOutcome
  ) throws(ProofError) -> ProofDeparture? {
    let watch = LayerWatch(names: layerNames(of: golden), marks: golden.layers)
    let run = try runner.run(
      pixels, side: golden.side, promptIDs: golden.answer?.promptIDs,
      tokens: Proof.Golden.mostTokens, stopsAfter: golden.answer?.packIDs.count, tap: watch.tap)
    outcome.layersCompared += watch.compared
    if var found = watch.departure {
      // Layers that ran together run apart once more, to tell which one it is.
      if runner.options.fuse, let single = try watchedApart(golden, pixels).departure,
        single.index <= found.index
      {
        found = single
      }
      return named(golden, found)
    }
    guard let answer = golden.answer, let run else { return nil }
    if let place = Difference(answer.packIDs, run.ids) {
      return .text(golden: golden.name, expected: answer.packText, found: run.text, at: place)
    }
    if run.text != answer.packText {
      return .text(golden: golden.name, expected: answer.packText, found: run.text, at: nil)
    }
    return nil
  }

  /// Runs a golden picture layer by layer up to the end of its prompt.
  private func watchedApart(
    _ golden: Proof.Golden, _ pixels: Pixels
  ) throws(ProofError) -> LayerWatch {
    let watch = LayerWatch(names: layerNames(of: golden), marks: golden.layers)
    var apart = runner.options
    apart.fuse = false
    _ = try runner.with(apart).run(
      pixels, side: golden.side, promptIDs: golden.answer?.promptIDs, tokens: 0, stopsAfter: nil,
      tap: watch.tap)
    return watch
  }

  private func named(_ golden: Proof.Golden, _ found: LayerWatch.Departure) -> ProofDeparture {
    let parameters = parameters(of: found.layers)
    let evidence = ProofDeparture.LayerEvidence(
      layers: found.layers, expected: found.expected, found: found.found,
      changedTensors: changedTensors().filter { parameters.contains($0) },
      changedRecord: changedRecord([.networks, .plan]))
    let last = pack.description.network(.language)?.layers.last?.name
    return found.layers.last == last
      ? .logits(golden: golden.name, evidence) : .layer(golden: golden.name, evidence)
  }

  /// Names of all layers that a golden picture runs through.
  private func layerNames(of golden: Proof.Golden) -> [String] {
    var names: [String] = []
    for network in pack.description.networks {
      if network.role == .language, golden.answer == nil { continue }
      for layer in network.layers { names.append(layer.name) }
    }
    return names
  }

  // MARK: What the pack holds

  /// The name of the first of these records whose content is not that of the proof.
  private func changedRecord(_ types: [RecordType]) -> String? {
    let found = pack.coveredChecksums
    for (index, type) in Proof.coveredRecords.enumerated()
    where types.contains(type) && found[index] != proof.records[index] { return type.name }
    return nil
  }

  private func changedTensors() -> [String] {
    var names: [String] = []
    for (tensor, mark) in zip(pack.tensors, proof.tensors) where tensor.mark != mark {
      names.append(tensor.name)
    }
    return names
  }

  /// Names of the parameters of some layers.
  private func parameters(of layers: [String]) -> Set<String> {
    var names: Set<String> = []
    for network in pack.description.networks {
      for layer in network.layers where layers.contains(layer.name) {
        for id in layer.op.parameters { names.insert(network[id].name) }
      }
    }
    return names
  }
}
