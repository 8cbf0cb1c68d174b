// Times the kernels of the best instruction set, one thread, against the machine's peak.
//
//   swift run -c release kernels-bench [part of a kernel's name] [instruction set]
//
// Each slice of work alternates with a slice of the register-only probe, both on the thread's own processor time,
// so that a machine shared with other work still gives a fair ratio. The best slice is what the code can do;
// the median is what it did.

import CMartletKernels
import Glibc

let filter = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : ""
var isa = martlet_isa_best()
if CommandLine.arguments.count > 2 {
  guard martlet_isa_named(CommandLine.arguments[2], &isa), martlet_isa_available(isa) else {
    print("no instruction set '\(CommandLine.arguments[2])' on this machine")
    exit(64)
  }
}
let table = martlet_kernels_for(isa).pointee
print("instruction set: \(String(cString: martlet_isa_name(isa)))")

let entries = products + depthwise + rows + blocks
for entry in entries where filter.isEmpty || entry.name.contains(filter) {
  entry.report(table)
}
