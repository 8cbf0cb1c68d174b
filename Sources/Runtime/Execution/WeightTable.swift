import MartletModel
import MartletPack

/// Where the parts of one encoded parameter lie.
@unsafe
package struct WeightPointers {
  package var encoding: WeightEncoding
  package var codes: UnsafeRawPointer
  package var scales: UnsafeRawPointer?
  package var offsets: UnsafeRawPointer?

  package init(
    encoding: WeightEncoding, codes: UnsafeRawPointer, scales: UnsafeRawPointer?,
    offsets: UnsafeRawPointer?
  ) {
    unsafe self.encoding = encoding
    unsafe self.codes = codes
    unsafe self.scales = scales
    unsafe self.offsets = offsets
  }
}

/// The encoded parameters of one network, held where kernels can read them.
@safe
package final class WeightTable: @unchecked Sendable {
  // SAFETY: pointers into `owners`, which live as long as this object and are never written after `init`.
  private let pointers: [String: WeightPointers]
  private let owners: [AnyObject]
  /// Where pointers lead into a mapped file.
  private let mapped: LoadedWeights?

  /// - Parameter owners: what keeps the memory behind the pointers.
  /// - Parameter mapped: the owner whose pages can be let go.
  package init(
    _ pointers: [String: WeightPointers], keeping owners: [AnyObject], mapped: LoadedWeights? = nil
  ) {
    unsafe self.pointers = pointers
    self.owners = owners
    self.mapped = mapped
  }

  /// The most that one parameter takes of mapped memory; 0 where nothing is mapped.
  var largestMappedBytes: Int { mapped?.largestMappedBytes ?? 0 }

  /// Lets go of the pages of mapped weights; the next use reads them again.
  func dropPages() { mapped?.dropPages() }

  /// Copies encoded parameters; for small networks and tests.
  package convenience init(_ parameters: [EncodedParameter]) throws(RuntimeError) {
    var table: [String: WeightPointers] = unsafe [:]
    var owners: [AnyObject] = []
    for parameter in parameters {
      var parts: [WeightComponent: UnsafeRawPointer] = unsafe [:]
      for (component, bytes) in parameter.components {
        let memory = try AlignedMemory(byteCount: bytes.count)
        // SAFETY: the block is at least as large as the array.
        unsafe bytes.withUnsafeBytes { source in
          if let base = source.baseAddress {
            unsafe memory.base.copyMemory(from: base, byteCount: source.count)
          }
        }
        unsafe parts[component] = unsafe UnsafeRawPointer(memory.base)
        owners.append(memory)
      }
      guard let codes = unsafe parts[.codes] else { continue }
      unsafe table[parameter.name] = unsafe WeightPointers(
        encoding: parameter.encoding, codes: codes, scales: parts[.scales],
        offsets: parts[.offsets])
    }
    unsafe self.init(table, keeping: owners)
  }

  /// The same table with some parameters in place of those of the same names.
  package func replacing(_ parameters: [EncodedParameter]) throws(RuntimeError) -> WeightTable {
    let other = try WeightTable(parameters)
    var merged = unsafe pointers
    // SAFETY: the new table keeps the memory of both.
    var entries = unsafe other.pointers.makeIterator()
    while let (name, new) = unsafe entries.next() { unsafe merged[name] = unsafe new }
    return unsafe WeightTable(merged, keeping: [self, other], mapped: mapped)
  }

  /// The same table with some parameters taken from another.
  package func replacing(_ names: Set<String>, by other: WeightTable) -> WeightTable {
    var merged = unsafe pointers
    for name in names {
      // SAFETY: the new table keeps the memory of both.
      if let found = unsafe other.pointers[name] { unsafe merged[name] = unsafe found }
    }
    return unsafe WeightTable(merged, keeping: [self, other])
  }

  /// - Throws: `encoding` if the parameter is absent or stored in none of `allowed`.
  func pointers(
    of parameter: Parameter, layer: String, allowed: [WeightEncoding]
  ) throws(RuntimeError) -> WeightPointers {
    guard let found = unsafe pointers[parameter.name] else {
      throw .encoding(layer: layer, parameter: parameter.name, found: "absent")
    }
    guard unsafe allowed.contains(found.encoding) else {
      throw .encoding(
        layer: layer, parameter: parameter.name, found: unsafe found.encoding.name)
    }
    return unsafe found
  }

  /// A float vector, or `nil` for an absent id.
  func floats(
    _ id: ParameterID?, in network: Network, layer: String
  ) throws(RuntimeError) -> UnsafePointer<Float>? {
    guard let id else { return nil }
    let found = try unsafe pointers(of: network[id], layer: layer, allowed: [.float32])
    return unsafe found.codes.assumingMemoryBound(to: Float.self)
  }
}
