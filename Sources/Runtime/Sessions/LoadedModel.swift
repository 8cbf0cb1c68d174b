import MartletBytes
import MartletModel

/// A model whose weights are where kernels can read them.
package struct LoadedModel: Sendable {
  package let description: ModelDescription
  package let plan: QuantizationPlan
  package let weights: [NetworkRole: WeightTable]
  /// Further sizes of pictures, smallest first; all below that of the description.
  package let rungs: [Rung]

  package init(
    description: ModelDescription, plan: QuantizationPlan, weights: [NetworkRole: WeightTable],
    rungs: [Rung] = []
  ) {
    self.description = description
    self.plan = plan
    self.weights = weights
    self.rungs = rungs
  }

  /// Sizes of pictures the model was made for, smallest first.
  package var sides: [Int] { rungs.map { $0.side } + [description.image.resolution] }

  /// The same model with another of its sizes as its own; no ladder is left.
  /// - Throws: `rung` for a size it was not made for.
  package func at(_ side: Int) throws(RuntimeError) -> LoadedModel {
    if side == description.image.resolution { return self }
    if !sides.contains(side) { throw .rung(found: side, sides: sides) }
    var description = description
    description.image.resolution = side
    return LoadedModel(
      description: description, plan: plan.at(side, rungs: rungs), weights: weights)
  }

  /// The same model with some parameters stored otherwise, as the plan says.
  package func replacing(
    _ parameters: [EncodedParameter], plan: QuantizationPlan
  ) throws(RuntimeError) -> LoadedModel {
    var tables = weights
    for network in description.networks {
      let names = Set(network.parameters.map { $0.name })
      let own = parameters.filter { names.contains($0.name) }
      if own.isEmpty { continue }
      tables[network.role] = try tables[network.role]?.replacing(own)
    }
    return LoadedModel(description: description, plan: plan, weights: tables, rungs: rungs)
  }

  /// Lets go of the pages of mapped weights; the next use reads them again.
  package func dropPages() {
    for (_, table) in weights { table.dropPages() }
  }

  /// The same model with some parameters as another model of the same layers has them. Copies nothing.
  package func replacing(
    _ names: Set<String>, by other: LoadedModel, plan: QuantizationPlan
  ) -> LoadedModel {
    var tables = weights
    for (role, table) in weights {
      if let source = other.weights[role] { tables[role] = table.replacing(names, by: source) }
    }
    return LoadedModel(description: description, plan: plan, weights: tables)
  }

  /// - Throws: `missingNetwork`.
  func part(_ role: NetworkRole) throws(RuntimeError) -> (Network, WeightTable) {
    guard let network = description.network(role), let table = weights[role] else {
      throw .missingNetwork(role.name)
    }
    return (network, table)
  }
}

/// How to run: threads, instruction set, and whether layers are kept apart so that all can be tapped.
package struct RunOptions: Sendable {
  package var instructionSet: InstructionSet
  package var threads: Int
  package var fuse: Bool
  package var profile: Bool
  /// How keys and values are kept.
  package var cache: CachePrecision
  /// Mapped weights are let go between regions where the process would hold more than this.
  package var memory: MemoryLimit?
  /// Halves tiles and parts of prompts this many times: less memory, more time.
  package var shrink = 0
  package static let mostShrink = 4

  package init(
    instructionSet: InstructionSet = .best, threads: Int, fuse: Bool = true, profile: Bool = false,
    cache: CachePrecision = .float32, memory: MemoryLimit? = nil
  ) {
    self.memory = memory
    self.instructionSet = instructionSet
    self.threads = threads
    self.fuse = fuse
    self.profile = profile
    self.cache = cache
  }

  /// What the scheduler is told of this machine.
  package var machine: MachineModel {
    let machine = Machine.current()
    return MachineModel(
      threads: threads, l2Bytes: machine.l2Bytes >> shrink, l3Bytes: machine.l3Bytes,
      macsPerCycle: instructionSet.macsPerCycle)
  }
}
