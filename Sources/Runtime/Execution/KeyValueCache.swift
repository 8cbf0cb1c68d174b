import MartletModel

/// Keys and values of one attention layer, laid out as the panels that attention multiplies with.
///
/// Keys are `[keyValueHeads][capacity / 16][headSize][16]`, values `[keyValueHeads][headSize / 16][capacity][16]`,
/// f32.
@unsafe
struct KeyValuePanels {
  let base: UnsafeMutablePointer<Float>
  let layout: HeadLayout
  /// Positions there is room for, a multiple of 16.
  let capacity: Int

  func keys(head: Int) -> UnsafeMutablePointer<Float> {
    unsafe base + head * layout.headSize * capacity
  }

  func values(head: Int) -> UnsafeMutablePointer<Float> {
    unsafe base + layout.keyValueHeads * layout.headSize * capacity
      + head * layout.paddedHeadSize * capacity
  }

}

extension HeadLayout {
  /// Head size rounded up to whole panels, as values are stored.
  var paddedHeadSize: Int { WeightEncoding.wholePanels(headSize) }

  /// Floats of the keys and values of one layer, or `nil` on overflow.
  func keyValueFloats(capacity: Int) -> Int? {
    checkedProduct([keyValueHeads, headSize + paddedHeadSize, capacity])
  }
}

extension WeightEncoding {
  /// A number of outputs, positions or channels rounded up to whole panels.
  static func wholePanels(_ count: Int) -> Int { (count + panel - 1) / panel * panel }
  /// A number of inputs rounded up to whole groups.
  static func wholeGroups(_ count: Int) -> Int { (count + group - 1) / group * group }
}

/// How the numbers of the key-value cache are stored.
package enum CachePrecision: Equatable, Sendable {
  /// As they are computed.
  case float32
  /// Rounded to half precision: half the memory.
  case float16
  /// 8 bits with a scale for each position and head; keys before the bias of their product and before the rotation, as
  /// a large bias would take the whole range: a quarter of the memory.
  case int8

  package static let all: [CachePrecision] = [.float32, .float16, .int8]

  package var name: String {
    switch self {
    case .float32: "f32"
    case .float16: "f16"
    case .int8: "int8"
    }
  }

  package init?(named name: String) {
    guard let found = Self.all.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  var bytesPerNumber: Int {
    switch self {
    case .float32: 4
    case .float16: 2
    case .int8: 1
    }
  }
}

/// Keys or values of one head of one layer as rows `[capacity, headSize]`, in fewer bits than they are computed in.
@unsafe
struct CompactRows {
  let codes: UnsafeMutableRawPointer
  /// `[capacity]`, for 8 bits.
  let scales: UnsafeMutablePointer<Float>
}

/// Keys and values of every position so far, for all layers of causal attention.
///
/// Memory is reserved for the whole capacity but touched only as positions are written.
@safe
package final class KeyValueCache {
  /// Positions there is room for, a multiple of 16.
  package let capacity: Int
  package let precision: CachePrecision
  /// Positions written.
  package private(set) var count = 0
  private let layout: HeadLayout
  private let memory: AlignedMemory
  private let scales: AlignedMemory
  private let numbersPerLayer: Int
  var byteCount: Int { memory.byteCount + scales.byteCount }

  /// - Throws: `outOfMemory`.
  package init(
    layout: HeadLayout, layers: Int, capacity: Int, precision: CachePrecision = .float32
  ) throws(RuntimeError) {
    self.capacity = WeightEncoding.wholePanels(max(1, capacity))
    self.layout = layout
    self.precision = precision
    let numbers =
      precision == .float32
      ? layout.keyValueFloats(capacity: self.capacity)
      : checkedProduct([2, layout.keyValueHeads, layout.headSize, self.capacity])
    guard let numbers, let bytes = checkedProduct([numbers, layers, precision.bytesPerNumber]),
      let scaleBytes = checkedProduct([2, layers, layout.keyValueHeads, self.capacity, 4])
    else { throw .outOfMemory(bytes: .max) }
    numbersPerLayer = numbers
    memory = try AlignedMemory(byteCount: bytes)
    scales = try AlignedMemory(byteCount: precision == .int8 ? scaleBytes : 0)
  }

  /// Bytes that so many positions take.
  package func byteCount(positions: Int) -> Int {
    let row = 2 * layout.keyValueHeads * layout.headSize * precision.bytesPerNumber
    let scale = precision == .int8 ? 2 * 4 * layout.keyValueHeads : 0
    let layers = memory.byteCount / max(1, numbersPerLayer * precision.bytesPerNumber)
    return positions * layers * (row + scale)
  }

  /// Of a cache in float32.
  func panels(layer: Int) -> KeyValuePanels {
    unsafe KeyValuePanels(
      base: memory.floats(at: 4 * layer * numbersPerLayer), layout: layout, capacity: capacity)
  }

  /// Of a cache in fewer bits; keys are part 0, values part 1.
  func rows(layer: Int, part: Int, head: Int) -> CompactRows {
    precondition(precision != .float32 && part < 2 && head < layout.keyValueHeads)
    let place = part * layout.keyValueHeads + head
    let first = layer * numbersPerLayer + place * capacity * layout.headSize
    let scale = (layer * 2 * layout.keyValueHeads + place) * capacity
    let bytes = first * precision.bytesPerNumber
    precondition(bytes >= 0 && bytes < memory.byteCount)
    // SAFETY: inside the block by the check above; `capacity` rows follow by the sizes in `init`.
    return unsafe CompactRows(
      codes: memory.base + bytes,
      scales: scales.floats(at: precision == .int8 ? 4 * scale : 0))
  }

  /// Positions were written by a run, or are forgotten by going back to fewer.
  package func setCount(_ newCount: Int) {
    precondition(newCount >= 0 && newCount <= capacity)
    count = newCount
  }
}
