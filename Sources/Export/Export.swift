// MartletExport: models in the files of other programs.
//
// In:      a pack, or a model read from a checkpoint.
// Out:     the language model as one GGUF file for llama.cpp; the whole as a directory for transformers.
// Refuses: networks that llama.cpp's qwen2 cannot be told of, with the layer's name.
//
// Numbers are asked for a part at a time and written as they come, so that no tensor is held whole.

import MartletBytes
import MartletCheckpoints
import MartletModel
import MartletPack

/// Why a model could not be exported. Cases carry evidence; `Tools/` words them.
package enum ExportError: Error, Equatable, Sendable {
  /// The model lacks a part that the format needs.
  case partMissing(part: String, format: String)
  /// The network is not of the form that the format can say.
  case form(layer: String, expected: String, found: String)
  /// Something already stands where a directory is to be made.
  case occupied(path: String)
  case model(ModelError)
  case checkpoint(CheckpointError)
  case pack(PackError)
}

/// Supplies numbers for export: floats of some elements, and stored blocks where they can pass unchanged.
package protocol ExportedParameters: FloatParameters {
  /// How a parameter was stored, if that says which type it fits best.
  func storedEncoding(_ name: String) -> WeightEncoding?
  /// Rows of a matrix as blocks of a type, if they are stored so that none of their bits is lost.
  func blocks(
    of name: String, rows: Range<Int>, as type: GGUFDeclaration.StoredType
  ) throws(ModelError) -> [UInt8]?
}

/// Floats that were never quantized.
package final class PlainParameters: ExportedParameters {
  private let source: any FloatParameters

  package init(_ source: any FloatParameters) { self.source = source }

  package func values(of name: String) throws(ModelError) -> [Float] {
    try source.values(of: name)
  }

  package func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float] {
    try source.values(of: name, elements: elements)
  }

  package func storedEncoding(_ name: String) -> WeightEncoding? { nil }

  package func blocks(
    of name: String, rows: Range<Int>, as type: GGUFDeclaration.StoredType
  ) throws(ModelError) -> [UInt8]? { nil }
}
