// Proves on the machine it runs on that Martlet computes there what it computes everywhere.
//
// In:      nothing, or packs.
// Out:     one line for each instruction set and model; exit code 1 where a result departs.
// Refuses: packs that cannot be read, an instruction set that the machine lacks.
//
// Every kernel of every instruction set is held against the scalar one, then a small whole model made in memory, whose
// result is also known from other machines. Of a pack the result is told, to be compared between machines, and must be
// the same for all instruction sets and for one thread and two. Writes no file.

import CMartletKernels
import CMartletPlatform
import MartletBoardMessages
import MartletBytes
import MartletRuntime

struct SelfTest {
  private let sets: [InstructionSet]
  private var faults = 0

  /// - Parameter name: the only instruction set tried; all that the machine has where `nil`.
  init(only name: String?) throws(ErrorReport) {
    guard let name else {
      sets = InstructionSet.available
      return
    }
    do throws(RuntimeError) { sets = [try InstructionSet(named: name)] } catch { throw .of(error) }
  }

  /// - Returns: whether all is as it must be.
  mutating func run(packs: [String]) throws(ErrorReport) -> Bool {
    let machine = Machine.current()
    let best = InstructionSet.best.name
    try tell("machine: \(machine.model), \(machine.physicalCores) cores, best: \(best)")
    for set in sets where set.name != "scalar" { try checkKernels(set) }
    try check("small model", try .made(), sets: sets, expected: ModelCheck.madeDigest, tokens: 8)
    for path in packs {
      let pool = try Self.pool(1)
      // Plain C is no runtime for real models, and the small one has judged it.
      let fast = sets.filter { $0.name != "scalar" }
      try check(
        path, try .packed(path, pool: pool), sets: fast.isEmpty ? sets : fast, expected: nil,
        tokens: 4)
    }
    try tell(faults == 0 ? "all results are as they must be" : "\(faults) faults")
    return faults == 0
  }

  private mutating func checkKernels(_ set: InstructionSet) throws(ErrorReport) {
    let start = MonotonicClock.nanoseconds
    var isa = MARTLET_ISA_SCALAR
    // SAFETY: the name is a string, the result a local variable.
    guard unsafe martlet_isa_named(set.name, &isa) else { return }
    let check = KernelCheck(isa)
    for fault in check.faults { try tell("  FAULT: " + fault) }
    faults += check.faults.count
    let seconds = Int(MonotonicClock.milliseconds(since: start) / 1000)
    try tell(
      "kernels \(set.name): \(check.count) trials, \(check.faults.count) wrong, \(seconds) s")
  }

  private mutating func check(
    _ name: String, _ model: ModelCheck, sets: [InstructionSet], expected: UInt64?, tokens: Int
  ) throws(ErrorReport) {
    var expected = expected
    for set in sets {
      // Two threads where most depends on them: with the instruction set that is used unless another is asked for.
      for threads in 1...(set == sets.last ? 2 : 1) {
        let start = MonotonicClock.nanoseconds
        let digest = try model.digest(
          RunOptions(instructionSet: set, threads: threads), pool: try Self.pool(threads),
          tokens: tokens)
        let isRight = digest == expected ?? digest
        expected = expected ?? digest
        let milliseconds = Int(MonotonicClock.milliseconds(since: start))
        try tell(
          "\(name), \(set.name), \(threads) threads: " + String(digest, radix: 16)
            + ", \(milliseconds) ms")
        if isRight { continue }
        faults += 1
        try tell("  FAULT: expected " + String(expected ?? 0, radix: 16))
      }
    }
  }

  private static func pool(_ threads: Int) throws(ErrorReport) -> ThreadPool {
    do throws(BytesError) { return try ThreadPool(threads: threads) } catch { throw .of(error) }
  }

  private func tell(_ line: String) throws(ErrorReport) {
    do throws(BytesError) {
      try StandardStream.output.write(line + "\n")
    } catch { throw .of(error) }
  }
}

private let help = """
  Proves that Martlet computes on this machine what it computes everywhere.

  usage: martlet-selftest [PACK…] [--isa NAME]

    PACK          a pack to run as well: its result must not depend on instruction set and threads
    --isa NAME    only this instruction set instead of all that the machine has
    --help

  exit codes: 0 all is right, 1 a result departs, 64 usage, 65 bad data, 66 input missing, 74 I/O

  """

/// Runs the command and gives its exit code.
func runCommand(_ words: [String]) -> Int32 {
  var packs: [String] = []
  var name: String?
  var index = 0
  do throws(ErrorReport) {
    while index < words.count {
      let word = words[index]
      index += 1
      if word == "--help" {
        do throws(BytesError) {
          try StandardStream.output.write(help)
        } catch { throw .of(error) }
        return 0
      }
      if word == "--isa" {
        if index == words.count { throw ErrorReport(.usage, "--isa needs a value") }
        name = words[index]
        index += 1
      } else if word.utf8.first == UInt8(ascii: "-") {
        throw ErrorReport(
          .usage, "unknown option '\(word)'", hint: "martlet-selftest --help shows all options")
      } else {
        packs.append(word)
      }
    }
    var test = try SelfTest(only: name)
    return try test.run(packs: packs) ? 0 : ErrorReport.Code.missedLimit.rawValue
  } catch {
    // A standard error that cannot be written leaves the exit code to speak.
    do throws(BytesError) { try StandardStream.error.write(error.text) } catch {}
    return error.code.rawValue
  }
}

#if hasFeature(Embedded)
  /// Embedded Swift has no `CommandLine`.
  @_cdecl("main")
  func main(
    _ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  ) -> Int32 {
    var arguments: [String] = []
    for index in 0..<Int(count) {
      // SAFETY: the system passes `count` zero-terminated strings.
      if let value = unsafe values[index] { unsafe arguments.append(String(cString: value)) }
    }
    return runCommand(Array(arguments.dropFirst()))
  }
#else
  @main
  struct MartletSelfTest {
    static func main() {
      martlet_exit(runCommand(Array(CommandLine.arguments.dropFirst())))
    }
  }
#endif
