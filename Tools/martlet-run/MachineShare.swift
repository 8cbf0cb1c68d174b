import MartletBoardMessages
import MartletBytes
import MartletRuntime

/// The part of the machine that a run uses: processors, threads, an instruction set, memory.
struct MachineShare {
  let options: RunOptions
  let pool: ThreadPool

  /// Unless the caller names processors or a number of threads, only the fast ones of a board with big and little cores are
  /// used: the slowest thread of a region holds all others up.
  ///
  /// - Throws: processors, threads or an instruction set that are not there.
  init(_ arguments: Arguments) throws(ErrorReport) {
    do throws(BytesError) {
      let allowed = Processors.allowed
      if let cores = arguments.cores {
        try Processors.restrict(to: cores)
      } else if arguments.threads == nil {
        let fast = Processors.fastest(of: allowed)
        if fast != allowed {
          try Processors.restrict(to: fast)
          try StandardStream.error.write(
            "runs on the fast processors \(Processors.text(fast)) of \(Processors.text(allowed))\n")
        }
      }
    } catch { throw .of(error) }
    let set: InstructionSet
    do throws(RuntimeError) {
      set =
        if let name = arguments.instructionSet { try InstructionSet(named: name) } else { .best }
    } catch { throw .of(error) }
    options = RunOptions(
      instructionSet: set, threads: arguments.threads ?? Machine.current().physicalCores,
      cache: arguments.cache, memory: arguments.memory.map { MemoryLimit(bytes: $0) })
    do throws(BytesError) {
      pool = try ThreadPool(threads: options.threads)
    } catch { throw .of(error) }
  }
}
