import CMartletKernels
import MartletKernelTrials

/// Holds every kernel of an instruction set against the scalar one, over the trials of the tests.
struct KernelCheck {
  /// Trials made.
  private(set) var count = 0
  /// One line for each kernel that is wrong, naming its first wrong trial.
  private(set) var faults: [String] = []

  init(_ isa: martlet_isa) {
    // SAFETY: tables are constant; the caller asked whether the machine can run this one.
    let table = unsafe martlet_kernels_for(isa)
    let scalar = unsafe martlet_kernels_for(MARTLET_ISA_SCALAR)
    var tried = Set<String>()
    var wrong = Set<String>()
    for trial in Trial.all {
      tried.insert(trial.kernel)
      count += 1
      let found = unsafe trial.run(table)
      let expected = unsafe trial.run(scalar)
      if found == expected || wrong.contains(trial.kernel) { continue }
      wrong.insert(trial.kernel)
      faults.append("\(trial.kernel), \(trial.label): " + difference(found, expected))
    }
    for index in 0..<martlet_kernel_count() {
      // SAFETY: a constant, zero-terminated string.
      let name = unsafe String(cString: martlet_kernel_name(index))
      if !tried.contains(name) { faults.append("\(name) has no trial") }
    }
  }

  private func difference(_ found: Outcome, _ expected: Outcome) -> String {
    for index in 0..<min(found.bits.count, expected.bits.count)
    where found.bits[index] != expected.bits[index] {
      let bits = String(found.bits[index], radix: 16)
      return "element \(index) is \(bits), expected " + String(expected.bits[index], radix: 16)
    }
    return found.intact ? "sizes differ" : "wrote beyond its rows"
  }
}
