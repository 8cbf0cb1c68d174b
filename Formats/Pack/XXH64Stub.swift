import MartletBytes

// Stands in until MartletBytes has its XXH64; this is FNV-1a, so packs of this state are not valid packs.
enum XXH64 {
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  }
  static func hash(_ bytes: RawSpan) -> UInt64 {
    var h: UInt64 = 14_695_981_039_346_656_037
    for index in 0..<bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
      h = (h ^ UInt64(byte)) &* 1_099_511_628_211
    }
    return h
  }
}
