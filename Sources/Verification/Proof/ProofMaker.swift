import MartletBytes
import MartletModel
import MartletPack
import MartletProof
import MartletReference
import MartletRuntime

/// Makes the proof of a pack: golden pictures through the float reference and through the pack itself.
package struct ProofMaker {
  package typealias Progress = (_ done: Int, _ total: Int) -> Void

  private let reference: ReferenceModel
  private let prepared: PreparedValues
  private let pack: Pack
  private let model: LoadedModel
  private let runner: GoldenRunner
  private let options: RunOptions
  private let pool: ThreadPool

  /// Asks a tokenizer for most of what it can get wrong: numbers, contractions, marks that compose, scripts, spaces.
  static let probe =
    "It's 3,141.59 — don't  you'll\tsee?\r\n\n naïve Ångström, e\u{301}, ½ ① ﬁ; Straße, Привет мир, "
    + "你好，世界！ 안녕 مرحبا שלום ไทย हिन्दी 🦜🏽‍🔬 x_1 = f(y)[0] += 0x1F; // <|no token|> THE END\u{200B}  "

  /// - Throws: `text`, `otherPreparation`, and what the runtime throws.
  package init(
    _ pack: Pack, reference: ReferenceModel, options: RunOptions, pool: ThreadPool
  ) throws(VerificationError) {
    prepared = try PreparedValues(pack.preparation, of: reference)
    self.pack = pack
    self.reference = reference
    self.options = options
    self.pool = pool
    do throws(RuntimeError) {
      model = try LoadedModel(pack, pool: pool)
    } catch { throw .runtime(error) }
    // Layers apart, so that each can be marked; fusion changes no bit.
    var apart = options
    apart.fuse = false
    do throws(ProofError) {
      runner = try GoldenRunner(model: model, options: apart, pool: pool)
    } catch { throw .proof(error) }
  }

  /// The proof, checked once as a board will check it.
  ///
  /// - Parameters:
  ///   - sources: 1 to `Proof.mostGoldens` pictures; the first runs at the model's own side where the runtime takes its
  ///     prompt in one part, the others at a smaller one.
  ///   - question: asked where a picture has none of its own.
  /// - Throws: `proof`, `reference`, `selfCheck` where the fused runtime departs from the layers run apart: a bug.
  package func proof(
    of sources: [GoldenSource], origin: Proof.Origin, question: String,
    progress: Progress = { _, _ in }
  ) throws(VerificationError) -> Proof {
    precondition((1...Proof.mostGoldens).contains(sources.count))
    var proof = Proof(
      origin: origin, records: pack.coveredChecksums, tensors: pack.tensors.map(\.mark),
      probe: runner.ids(of: Self.probe).map { Proof.Probe(text: Self.probe, ids: $0) }, goldens: [])
    let plan = goldenSides(sources, question: question)
    progress(0, plan.count + 1)
    for (index, next) in plan.enumerated() {
      proof.goldens.append(try golden(next.source, side: next.side, question: question))
      progress(index + 1, plan.count + 1)
    }
    let outcome: ProofOutcome
    do throws(ProofError) {
      outcome = try ProofCheck(pack, proof, model: model, options: options, pool: pool).outcome()
    } catch { throw .proof(error) }
    if let departure = outcome.departure { throw .selfCheck(departure) }
    progress(plan.count + 1, plan.count + 1)
    return proof
  }

  /// Every picture at its side, and one at each size of the ladder that none of them has, as far as there is room: the
  /// pictures in turn, with the size behind their names.
  private func goldenSides(
    _ sources: [GoldenSource], question: String
  ) -> [(source: GoldenSource, side: Int?)] {
    let own = pack.description.image.resolution
    var plan: [(source: GoldenSource, side: Int?)] = sources.map { ($0, nil) }
    // The first picture is the only one at the model's own side.
    for index in plan.indices where index > 0 { plan[index].side = small(own) }
    for (index, rung) in pack.rungs.enumerated() where plan.count < Proof.mostGoldens {
      if plan.contains(where: { $0.side == rung.side }) { continue }
      var source = sources[index % sources.count]
      source.name += " (\(rung.side)²)"
      plan.append((source, rung.side))
    }
    return plan
  }

  /// A quarter of the model's own side, but not below 256: what a small board can do within a minute.
  private func small(_ own: Int) -> Int { min(own, max(256, own / 4)) }

  // MARK: One picture

  /// - Parameter side: the model's own where `nil`.
  private func golden(
    _ source: GoldenSource, side wanted: Int?, question: String
  ) throws(VerificationError) -> Proof.Golden {
    let (asked, ids) = try prompt(source, question)
    let side = side(wanted ?? pack.description.image.resolution, prompt: ids?.count ?? 0)
    let (pixels, small, picture) = try pixels(source, side: side)
    let marks = ReferenceMarks()
    let expected: ReferenceRun
    do throws(ReferenceError) {
      expected = try referenceRun(pixels, ids, marks)
    } catch { throw .reference(error) }
    let watched = PackMarks(beside: marks)
    let run: GoldenRunner.Run?
    do throws(ProofError) {
      run = try runner.run(
        pixels, side: side, promptIDs: ids, tokens: Proof.Golden.mostTokens, stopsAfter: nil,
        tap: watched.tap)
    } catch { throw .proof(error) }
    if let layer = watched.notFinite { throw .proof(.notFinite(layer: layer)) }
    return Proof.Golden(
      name: source.name, picture: picture, side: side, pixels: SHA256.digest(pixels.bytes),
      smallPixels: SHA256.digest(small.bytes),
      layers: layers(watched.marks, withLanguage: ids != nil),
      answer: run.map { answer(asked, ids ?? [], expected, $0) })
  }

  /// The question and its ids; no ids where the pack answers none.
  private func prompt(
    _ source: GoldenSource, _ question: String
  ) throws(VerificationError) -> (String, [Int]?) {
    if !pack.description.canAnswer { return ("", nil) }
    do throws(ProofError) {
      if let own = source.question {
        let ids = try runner.promptIDs(own)
        // A longer one would leave too little room for the picture.
        if ids.count <= Proof.Golden.mostPositions / 4 { return (own, ids) }
      }
      return (question, try runner.promptIDs(question))
    } catch { throw .proof(error) }
  }

  private func pixels(
    _ source: GoldenSource, side: Int
  ) throws(VerificationError) -> (Pixels, small: Pixels, StoredPicture) {
    do throws(ProofError) {
      let pixels = try runner.prepared(source.picture, side: side, name: source.name)
      let small = try runner.prepared(
        source.picture, side: Proof.Golden.smallSide, name: source.name)
      do throws(PackError) {
        return (pixels, small, try StoredPicture(source.picture))
      } catch { throw ProofError.pack(error) }
    } catch { throw .proof(error) }
  }

  /// The side wanted, or, where a prompt would be run in more than one part, the largest below that avoids it.
  private func side(_ wanted: Int, prompt: Int) -> Int {
    let stride = pack.description.network(.vision)?.totalStride ?? 1
    var side = wanted
    side -= side % stride
    while side > stride, prompt > 0,
      (side / stride) * (side / stride) + prompt > Proof.Golden.mostPositions
    {
      side -= stride
    }
    return max(stride, side)
  }

  /// One mark a layer in the order of networks; zeros where a layer's value never stands by itself.
  private func layers(
    _ marks: [String: Proof.LayerMark], withLanguage: Bool
  ) -> [Proof.LayerMark] {
    let nothing = Proof.Summary(
      mean: 0, rootMeanSquare: 0, largest: 0,
      samples: [Float](repeating: 0, count: Proof.Summary.sampleCount))
    return pack.description.networks.filter { withLanguage || $0.role != .language }
      .flatMap(\.layers).map {
        marks[$0.name]
          ?? Proof.LayerMark(checksum: 0, pack: nothing, reference: nothing, signalToNoise: 0)
      }
  }

  // MARK: The float reference

  private struct ReferenceRun {
    var logits: [Float] = []
    var ids: [Int] = []
    var text = ""
  }

  private func referenceRun(
    _ pixels: Pixels, _ prompt: [Int]?, _ marks: ReferenceMarks
  ) throws(ReferenceError) -> ReferenceRun {
    let encoded = try reference.encoded(pixels, tap: marks.tap(prepared))
    let hasProjector = reference.description.network(.projector) != nil
    let tokens = hasProjector ? try reference.projected(encoded, tap: marks.tap(prepared)) : encoded
    guard let prompt, let template = reference.description.prompt else { return ReferenceRun() }
    let cache = MartletReference.KeyValueCache()
    let logits = try reference.prefilled(
      ids: prompt, images: [tokens], cache: cache, tap: marks.tap(prepared))
    var ids: [Int] = []
    _ = try reference.greedyContinuation(
      of: logits, count: Proof.Golden.mostTokens, cache: cache
    ) { id in
      if template.stopIDs.contains(id) { return false }
      ids.append(id)
      return true
    }
    return ReferenceRun(logits: logits, ids: ids, text: runner.text(of: ids))
  }

  private func answer(
    _ question: String, _ ids: [Int], _ expected: ReferenceRun, _ found: GoldenRunner.Run
  ) -> Proof.GoldenAnswer {
    let known = Array(expected.logits.prefix(found.logits.count))
    return Proof.GoldenAnswer(
      question: question, promptIDs: ids, packCandidates: LogitDivergence.candidates(found.logits),
      referenceCandidates: LogitDivergence.candidates(known),
      divergence: LogitDivergence.value(reference: known, found: found.logits), packIDs: found.ids,
      referenceIDs: expected.ids, packText: found.text, referenceText: expected.text)
  }
}
