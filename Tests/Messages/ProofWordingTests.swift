import MartletBoardMessages
import MartletMessages
import MartletPack
import MartletProof
import Testing

/// The words of packs that are not, or do not do, what their proof says.
@Suite struct ProofWordingTests {
  private static func summary(_ largest: Float) -> Proof.Summary {
    Proof.Summary(mean: 0.5, rootMeanSquare: 1, largest: largest, samples: [0, 0, 0, 0])
  }

  private static func departure(_ departure: ProofDeparture, _ text: String) -> Wording {
    Wording(.of(departure, in: "m"), .missedLimit, text)
  }

  /// Fails the test, not the program, where there is no difference.
  private static func tokens(_ expected: [Int], _ found: [Int], _ text: String) -> Wording {
    guard let difference = Difference(expected, found) else {
      return departure(.record(""), text)
    }
    return departure(.tokens(golden: nil, difference), text)
  }

  static let cases: [Wording] = [
    Wording(
      .of(ProofError.absent, in: "m"), .badData,
      """
      error: 'm' cannot test itself
        it holds no proof: it was made with --no-proof, or by an older Martlet
        hint: convert the checkpoint again
      """),
    Wording(
      .of(ProofError.notFinite(layer: "l")), .badData,
      """
      error: nothing can be proved of this model
        layer 'l' gives numbers that are not finite
        hint: martlet doctor CHECKPOINT looks for the reason; --no-proof packs it all the same
      """),
    departure(
      .pixels(golden: "a.png", side: 64),
      """
      error: 'm' departs from its proof: pixels
        picture 'a.png' becomes other pixels at 64 × 64
        hint: the pack was changed after it was made, or this build is at fault; convert it again
      """),
    tokens(
      [1, 2], [1, 3],
      """
      error: 'm' departs from its proof: tokens
        the probe text: id 1: 2 expected, 3 found
        hint: the pack was changed after it was made, or this build is at fault; convert it again
      """),
    departure(
      .layer(
        golden: "a.png",
        .init(
          layers: ["x"], expected: summary(2), found: summary(3), changedTensors: ["x.weight"],
          changedRecord: "PLAN")),
      """
      error: 'm' departs from its proof: layer 'x'
        picture 'a.png'
        largest: 2.0 expected, 3.0 found
        tensor 'x.weight' is not the one the proof was made with
        record 'PLAN' is not the one the proof was made with
        hint: the pack was changed after it was made; convert it again
      """),
    departure(
      .layer(
        golden: "a.png",
        .init(layers: ["x", "y", "z"], expected: summary(2), found: summary(2), changedTensors: [])),
      """
      error: 'm' departs from its proof: layers 'x' to 'z'
        picture 'a.png'
        too small a difference to show in root mean square or mean
        its weights are those of the conversion
        hint: this build computes otherwise than the one that made the pack; try --isa scalar
      """),
    departure(
      .logits(
        golden: "a.png",
        .init(layers: ["head"], expected: summary(2), found: summary(3), changedTensors: [])),
      """
      error: 'm' departs from its proof: logits
        picture 'a.png'
        largest: 2.0 expected, 3.0 found
        its weights are those of the conversion
        hint: this build computes otherwise than the one that made the pack; try --isa scalar
      """),
    departure(
      .text(golden: "a.png", expected: "yes", found: "no", at: Difference([4], [])),
      """
      error: 'm' departs from its proof: text
        picture 'a.png': expected 'yes'
        found: 'no'
        id 0: 4 expected, no more found
        hint: this build generates otherwise than the one that made the pack
      """),
    departure(
      .record("TOKN"),
      """
      error: 'm' departs from its proof: tokens
        record 'TOKN' is not the one the proof was made with; the golden pictures do not show it
        hint: the pack was changed after it was made, or this build is at fault; convert it again
      """),
    departure(
      .weights(["a", "b", "c", "d"]),
      """
      error: 'm' departs from its proof: weights
        tensor 'a'
        tensor 'b'
        tensor 'c'
        and 1 more
        they are not those the proof was made with; the golden pictures do not show it
        hint: the pack was changed after it was made, or this build is at fault; convert it again
      """),
  ]

  @Test(arguments: cases)
  func theWordsAreThese(wording: Wording) { wording.check() }
}
