import CMartletKernels

/// An instruction set this machine has, with its table of kernels.
@safe
package struct InstructionSet: Sendable, Equatable {
  let isa: martlet_isa
  // SAFETY: a table that nobody changes and that lives as long as the process.
  private nonisolated(unsafe) var standIn: UnsafePointer<martlet_kernels>?

  /// The best the machine can run.
  package static var best: InstructionSet { InstructionSet(isa: martlet_isa_best()) }

  private init(isa: martlet_isa) { self.isa = isa }

  /// A set with another table in place of its own, so that tests can see what a faulty kernel would do. No command line
  /// reaches this.
  ///
  /// - Parameter kernels: constant, and alive as long as the process.
  @unsafe package init(_ set: InstructionSet, standIn kernels: UnsafePointer<martlet_kernels>) {
    isa = set.isa
    unsafe standIn = kernels
  }

  /// - Throws: `instructionSet` for an unknown name or one the machine lacks; nothing is chosen instead.
  package init(named name: String) throws(RuntimeError) {
    for raw in 0..<UInt32(MARTLET_ISA_COUNT) {
      let candidate = martlet_isa(rawValue: raw)
      if Self.name(of: candidate) == name, martlet_isa_available(candidate) {
        isa = candidate
        return
      }
    }
    throw .instructionSet(
      requested: name, available: Self.available.map { $0.name }.joined(separator: ", "))
  }

  /// All that the machine can run, least preferred first.
  package static var available: [InstructionSet] {
    var sets: [InstructionSet] = []
    for raw in 0..<UInt32(MARTLET_ISA_COUNT) where martlet_isa_available(martlet_isa(rawValue: raw))
    {
      sets.append(InstructionSet(isa: martlet_isa(rawValue: raw)))
    }
    return sets
  }

  package var name: String { Self.name(of: isa) }

  package static func == (a: InstructionSet, b: InstructionSet) -> Bool { a.isa == b.isa }

  // SAFETY: the table is constant for the life of the process.
  package var kernels: UnsafePointer<martlet_kernels> {
    unsafe standIn ?? martlet_kernels_for(isa)
  }

  /// 8-bit multiply-adds per cycle and core at the peak of this set, for the scheduler.
  var macsPerCycle: Double {
    switch isa {
    case MARTLET_ISA_AVX512VNNI, MARTLET_ISA_AVXVNNI, MARTLET_ISA_NEON_I8MM: 64
    case MARTLET_ISA_AVX2, MARTLET_ISA_NEON_DOTPROD: 32
    case MARTLET_ISA_NEON: 8
    default: 1
    }
  }

  private static func name(of isa: martlet_isa) -> String {
    // SAFETY: a constant, zero-terminated string.
    unsafe String(cString: martlet_isa_name(isa))
  }
}
