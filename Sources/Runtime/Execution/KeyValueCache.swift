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

/// Keys and values of every position so far, for all layers of causal attention.
///
/// Memory is reserved for the whole capacity but touched only as positions are written.
@safe
package final class KeyValueCache {
  /// Positions there is room for, a multiple of 16.
  package let capacity: Int
  /// Positions written.
  package private(set) var count = 0
  private let layout: HeadLayout
  private let memory: AlignedMemory
  private let floatsPerLayer: Int

  /// - Throws: `outOfMemory`.
  package init(layout: HeadLayout, layers: Int, capacity: Int) throws(RuntimeError) {
    self.capacity = WeightEncoding.wholePanels(max(1, capacity))
    self.layout = layout
    guard let floats = layout.keyValueFloats(capacity: self.capacity),
      let bytes = checkedProduct([floats, layers, 4])
    else { throw .outOfMemory(bytes: .max) }
    floatsPerLayer = floats
    memory = try AlignedMemory(byteCount: bytes)
  }

  func panels(layer: Int) -> KeyValuePanels {
    unsafe KeyValuePanels(
      base: memory.floats(at: 4 * layer * floatsPerLayer), layout: layout, capacity: capacity)
  }

  /// Positions were written by a run, or are forgotten by going back to fewer.
  package func setCount(_ newCount: Int) {
    precondition(newCount >= 0 && newCount <= capacity)
    count = newCount
  }
}
