/// The records of version 1. The raw value is the four characters as a little-endian number.
package enum RecordType: UInt32, CaseIterable, Sendable {
  case model = 0x4C44_4F4D
  case image = 0x4741_4D49
  case tokenizer = 0x4E4B_4F54
  case prompt = 0x504D_5250
  case networks = 0x5754_454E
  case plan = 0x4E41_4C50
  case ladder = 0x4F53_4552
  case provenance = 0x564F_5250
  case preparation = 0x5045_5250
  case data = 0x4154_4144
  case tensors = 0x534E_4554
  case choice = 0x5059_4857
  case proof = 0x464F_5250

  /// The four characters.
  package var name: String { Self.name(code: rawValue) }

  /// Whether a reader that does not know the record must refuse the pack.
  var isCritical: Bool {
    switch self {
    case .provenance, .preparation, .choice, .proof, .ladder: false
    case .model, .image, .tokenizer, .prompt, .networks, .plan, .data, .tensors: true
    }
  }

  /// Whether every pack has the record.
  var isRequired: Bool {
    switch self {
    case .tokenizer, .prompt, .provenance, .preparation, .choice, .proof, .ladder: false
    case .model, .image, .networks, .plan, .data, .tensors: true
    }
  }

  /// The four characters of any type; bytes that do not print stand as `?`.
  static func name(code: UInt32) -> String {
    var text = ""
    for shift in [0, 8, 16, 24] as [UInt32] {
      let byte = UInt8(truncatingIfNeeded: code >> shift)
      text.unicodeScalars.append(Unicode.Scalar(byte < 0x20 || byte > 0x7E ? 0x3F : byte))
    }
    return text
  }
}
