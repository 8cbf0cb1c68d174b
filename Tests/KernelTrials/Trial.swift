import CMartletKernels
import MartletTestSupport

package typealias Table = UnsafePointer<martlet_kernels>

// The calls that tables of kernels are compared by: used by the tests, where Swift Testing runs, and by the self-test,
// which also runs on boards and under emulators.
//
// In:      a table of kernels.
// Out:     what each call left behind, for comparison with what the scalar table leaves.
// Refuses: nothing; a kernel that crashes takes the program with it.

/// One call of one kernel: the same inputs for every table, whatever it left behind for comparison.
package struct Trial: Sendable {
  package let kernel: String
  package let label: String
  package let run: @Sendable (Table) -> Outcome

  /// Every trial of every kernel.
  package static let all: [Trial] =
    productTrials + conversionTrials + pointwiseTrials + reductionTrials + neighborTrials
    + attentionTrials + cacheRowTrials + probeTrials
}

/// The probes have no result but their count.
private let probeTrials: [Trial] = ["probe_int8", "probe_f32"].map { name in
  Trial(kernel: name, label: "10 rounds") { table in
    var count: UInt64 = 0
    withUnsafeMutablePointer(to: &count) { pointer in
      var params = martlet_probe_params(iterations: 10, multiply_adds: pointer)
      if name == "probe_int8" {
        table.pointee.probe_int8(&params)
      } else {
        table.pointee.probe_f32(&params)
      }
    }
    return Outcome(bits: [], intact: count > 0 && count % 10 == 0)
  }
}
