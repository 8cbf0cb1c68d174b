import MartletBytes
import MartletModel
import MartletPack

extension LoadedModel {
  /// The model of a pack, its weights checked and unpacked on all threads, or used where they are mapped.
  ///
  /// - Parameter roles: the parts wanted; all of them where `nil`.
  /// - Throws: `pack` for damaged weights.
  package init(
    _ pack: Pack, roles: [NetworkRole]? = nil, pool: ThreadPool
  ) throws(RuntimeError) {
    let loaded: LoadedWeights
    do { loaded = try LoadedWeights(pack, roles: roles, pool: pool) } catch { throw .pack(error) }
    var tables: [NetworkRole: WeightTable] = [:]
    for network in pack.description.networks {
      if let roles, !roles.contains(network.role) { continue }
      var pointers: [String: WeightPointers] = unsafe [:]
      for parameter in network.parameters {
        guard let found = loaded[parameter.name] else { continue }
        // SAFETY: valid while `loaded` lives, which the table keeps.
        guard let codes = unsafe found.bytes(.codes).baseAddress else { continue }
        unsafe pointers[parameter.name] = unsafe WeightPointers(
          encoding: found.encoding, codes: codes, scales: found.bytes(.scales).baseAddress,
          offsets: found.bytes(.offsets).baseAddress)
      }
      tables[network.role] = unsafe WeightTable(pointers, keeping: [loaded])
    }
    self.init(description: pack.description, plan: pack.plan, weights: tables)
  }
}
