import MartletModel

/// How the frames of a component are stored. The raw value is the number of byte planes, 0 without zstd.
package enum Storage: UInt8, Sendable {
  /// The bytes themselves, aligned: usable where they are mapped.
  case raw = 0
  case zstd = 1
  /// zstd over the two planes of 16-bit elements.
  case zstdPlanes2 = 2
  /// zstd over the four planes of 32-bit elements.
  case zstdPlanes4 = 4
}

/// A piece of a component, stored and checked on its own.
struct StoredFrame: Equatable, Sendable {
  var storedBytes: UInt32
  var checksum: UInt64
}

/// Where one component of a tensor lies.
package struct StoredComponent: Equatable, Sendable {
  package var component: WeightComponent
  package var storage: Storage
  /// Offset of the first frame in the file.
  package var offset: UInt64
  /// Size when unpacked.
  package var byteCount: UInt64
  var frames: [StoredFrame]

  /// Stored size of each frame; they lie one after the other.
  package var frameSizes: [Int] { frames.map { Int($0.storedBytes) } }

  /// Size in the file.
  package var storedBytes: UInt64 {
    var sum: UInt64 = 0
    for frame in frames { sum += UInt64(frame.storedBytes) }
    return sum
  }
  package var frameCount: Int { frames.count }
}

/// One line of the tensor directory.
package struct StoredTensor: Equatable, Sendable {
  package var name: String
  package var shape: [Int]
  package var encoding: WeightEncoding
  package var components: [StoredComponent]

  package var storedBytes: UInt64 { components.reduce(0) { $0 + $1.storedBytes } }
  package var byteCount: UInt64 { components.reduce(0) { $0 + $1.byteCount } }
}

extension WeightEncoding {
  /// The number that stands for the encoding in `TENS`; it never changes its meaning.
  var code: UInt8 {
    switch self {
    case .float32: 0
    case .float32Taps: 1
    case .float32Patches: 2
    case .float32Panels: 3
    case .int8Panels: 4
    case .int4Panels: 5
    }
  }

  init?(code: UInt8) {
    switch code {
    case 0: self = .float32
    case 1: self = .float32Taps
    case 2: self = .float32Patches
    case 3: self = .float32Panels
    case 4: self = .int8Panels
    case 5: self = .int4Panels
    default: return nil
    }
  }

  /// The storage that packs a component best: planes as wide as its elements.
  func compressedStorage(of component: WeightComponent) -> Storage {
    switch self {
    case .float32, .float32Taps, .float32Patches, .float32Panels: .zstdPlanes4
    case .int8Panels: component == .codes ? .zstd : .zstdPlanes4
    case .int4Panels:
      switch component {
      case .codes: .zstd
      case .scales: .zstdPlanes2
      case .offsets: .zstdPlanes4
      }
    }
  }
}
