// Runs a packed model: encoder, projector, language model, in 8-bit and 4-bit tiles.
//
// In:      an opened pack, pixels, token ids, a choice of instruction set and threads.
// Out:     image tokens, logits, text ids, timings; a printable schedule.
// Refuses: resolutions and lengths a network cannot take, instruction sets the machine lacks, graphs it has
//          no region for. It never falls back to another kernel or precision by itself.

import MartletPack

/// What a caller, a pack or a machine can make go wrong here.
package enum RuntimeError: Error, Equatable, Sendable {
  /// The picture's side is not a positive multiple of the network's total stride.
  case resolution(found: Int, multipleOf: Int)
  /// A size of picture that the pack was not made for.
  case rung(found: Int, sides: [Int])
  /// Pixels of another size than the session was made for.
  case pixels(expected: Int, foundHeight: Int, foundWidth: Int)
  /// No region covers the layer.
  case unschedulable(layer: String, op: String)
  /// The pack lacks a part that the request needs.
  case missingNetwork(String)
  /// A parameter is stored in an encoding its op has no kernel for.
  case encoding(layer: String, parameter: String, found: String)
  /// More positions than the session or the model holds.
  case contextLength(limit: Int, needed: Int)
  /// Image rows and image places in the prompt differ in number.
  case imageCount(expectedRows: Int, foundRows: Int)
  /// A token id outside the embedding.
  case tokenID(found: Int, vocabulary: Int)
  /// The instruction set is unknown or not available on this machine.
  case instructionSet(requested: String, available: String)
  /// The pack is damaged.
  case pack(PackError)
  /// Memory could not be had.
  case outOfMemory(bytes: Int)
  /// More than the caller allows; of `needed`, `unpacked` bytes are weights that are stored compressed.
  case memoryLimit(limit: Int, needed: Int, unpacked: Int)
}
