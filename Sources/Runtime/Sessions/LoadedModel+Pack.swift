import MartletBytes
import MartletModel
import MartletPack

extension LoadedModel {
  /// The model of a pack, its weights checked and unpacked on all threads, or used where they are mapped.
  ///
  /// - Parameter roles: the parts wanted; all of them where `nil`.
  /// - Parameter memory: what the process may hold.
  /// - Throws: `pack` for damaged weights, `memoryLimit`.
  package init(
    _ pack: Pack, roles: [NetworkRole]? = nil, memory: MemoryLimit? = nil, pool: ThreadPool
  ) throws(RuntimeError) {
    try memory?.demand(LoadedWeights.need(of: roles, in: pack))
    let loaded: LoadedWeights
    do {
      loaded = try LoadedWeights(pack, roles: roles, dropsPages: memory != nil, pool: pool)
    } catch { throw .pack(error) }
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
      tables[network.role] = unsafe WeightTable(pointers, keeping: [loaded], mapped: loaded)
    }
    self.init(description: pack.description, plan: pack.plan, weights: tables, rungs: pack.rungs)
  }
}
