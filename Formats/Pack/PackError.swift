import MartletBytes
import MartletModel

/// What can be wrong with a pack, or keep one from being written. Cases carry evidence; `Tools/` words them.
///
/// Offsets count from the start of the file.
package enum PackError: Error, Equatable, Sendable {
  /// The file could not be opened, mapped, read or written.
  case file(BytesError)
  /// The file does not begin as a pack does.
  case notAPack(found: [UInt8])
  /// A pack of another version of the format.
  case version(found: Int, supported: Int)
  /// The file is shorter or longer than its header says.
  case fileSize(expected: UInt64, found: UInt64)
  /// Bytes that differ from what was written.
  case checksum(part: PackPart, offset: UInt64, expected: UInt64, found: UInt64)
  /// A byte between two parts that is not zero.
  case padding(offset: UInt64, found: UInt8)
  /// A part that does not lie where the format puts it.
  case place(part: PackPart, expected: UInt64, found: UInt64)
  /// A part that reaches beyond the end of what holds it.
  case beyondEnd(part: PackPart, offset: UInt64, size: UInt64, end: UInt64)
  /// A record this version must understand and does not.
  case unknownRecord(type: String, version: Int, offset: UInt64)
  case missingRecord(type: String)
  case repeatedRecord(type: String, offset: UInt64)
  /// A record that ends before its content does.
  case truncatedRecord(part: PackPart, offset: UInt64, needed: UInt64, left: UInt64)
  /// A record that goes on after its content.
  case trailingBytes(part: PackPart, offset: UInt64, count: Int)
  /// A field of a record, directory or header with a value the format does not allow.
  case field(part: PackPart, offset: UInt64, what: String, found: String)
  /// Text that is not UTF-8.
  case text(part: PackPart, offset: UInt64)
  /// An op this version does not know.
  case unknownOp(layer: String, code: Int, offset: UInt64)
  /// The description, plan or parameters do not fit together.
  case model(ModelError)
  /// A tensor that does not belong to the parameter that stands in its place.
  case tensorMismatch(expected: String, found: String, offset: UInt64)
  case tensorCount(expected: Int, found: Int)
  /// A component whose size is not that of its encoding.
  case componentSize(tensor: String, component: WeightComponent, expected: UInt64, found: UInt64)
  /// A component that unpacks to more than 16 times its stored size.
  case expansion(tensor: String, component: WeightComponent, stored: UInt64, unpacked: UInt64)
  /// A frame that cannot be unpacked, though its checksum fits.
  case frame(part: PackPart, offset: UInt64, reason: FrameFault)
  /// A tensor asked for that the pack does not hold.
  case noTensor(name: String)
  /// The machine has no room for the unpacked weights.
  case memory(byteCount: Int)
  /// Writing only: a value that the format cannot hold.
  case notRepresentable(what: String, found: String)
}

/// A part of a pack, for messages.
package enum PackPart: Equatable, Sendable {
  case header
  case directory
  case record(type: String)
  case tensor(name: String, component: WeightComponent)
  case frame(tensor: String, component: WeightComponent, index: Int)
}

/// Why a zstd frame was refused.
package enum FrameFault: Equatable, Sendable {
  /// The bytes are not exactly one zstd frame.
  case notOneFrame
  /// The frame states another size than the tensor needs; `nil` where it states none.
  case contentSize(expected: Int, found: UInt64?)
  /// zstd failed, with its own number.
  case zstd(code: Int)
}
