import MartletModel

/// Keys and values of the rows a language network has seen; grows with every run it is given to.
///
/// Belongs to one network. A run that throws leaves it as it was.
package final class KeyValueCache {
  /// Rows seen.
  package private(set) var count = 0
  private var layers: [String: KeyValueRows] = [:]

  package init() {}

  /// Forgets the rows from `count` on, so that another continuation of the same beginning can be run.
  package func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count = count
  }

  /// The layer's keys and values with those of new rows appended.
  func appended(
    layer: String, keys: [Float], values: [Float], width: Int
  ) throws(ReferenceError) -> KeyValueRows {
    var rows = layers.removeValue(forKey: layer) ?? KeyValueRows(width: width)
    if rows.width != width || rows.count < count { throw .cacheMismatch(layer: layer) }
    rows.truncate(to: count)
    rows.keys += keys
    rows.values += values
    layers[layer] = rows
    return rows
  }

  /// Called once a run has gone through: its rows now count as seen.
  func commit(rows: Int) { count += rows }
}

/// Keys and values of one layer, both `[count, width]`.
struct KeyValueRows {
  let width: Int
  var keys: [Float] = []
  var values: [Float] = []
  var count: Int { keys.count / width }

  init(width: Int) { self.width = width }

  mutating func truncate(to count: Int) {
    keys.removeLast(keys.count - count * width)
    values.removeLast(values.count - count * width)
  }
}
