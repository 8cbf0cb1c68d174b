import ArgumentParser

/// What convert leaves in a pack for it to be checked by.
struct ProofOptions: ParsableArguments {
  @Flag(
    help:
      "Leave out the golden pictures and answers by which the pack can be checked without its checkpoint."
  )
  var noProof = false

  @Flag(
    help: "Draw the golden pictures, instead of storing small copies of two calibration pictures.")
  var drawnProof = false
}
