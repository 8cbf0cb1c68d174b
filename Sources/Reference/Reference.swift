// Runs any network in float, op by op and whole tensor by whole tensor: the judge of everything else.
//
// In:      a validated `Network` (source ops included), its float parameters, inputs.
// Out:     the network's output; through a tap every value on the way.
// Refuses: inputs of the wrong width, token ids outside the table, image rows that do not match the places
//          for them, parameters of the wrong size and, unless told otherwise, numbers that are not finite.
//
// Kept plain on purpose: every op is the formula of its declaration in `Op`, matrix products go to OpenBLAS, and
// nothing is fused. Sums over many terms outside OpenBLAS run in double precision.

import MartletModel

/// How a network is run.
package struct ReferenceOptions: Equatable, Sendable {
  /// What happens when a layer's output holds a number that is not finite.
  package enum NonFinite: Equatable, Sendable {
    /// The run ends with `notFinite`, naming the layer.
    case refused
    /// The number travels on.
    case passed
  }

  /// Workers of every op. Results do not depend on anything else of the machine's load.
  package var threads: Int
  /// Parameters are kept in memory up to this many bytes, and asked for again at each use beyond it.
  package var weightByteLimit: Int
  package var nonFinite: NonFinite

  package init(
    threads: Int = 2, weightByteLimit: Int = 8 << 30, nonFinite: NonFinite = .refused
  ) {
    self.threads = max(1, threads)
    self.weightByteLimit = weightByteLimit
    self.nonFinite = nonFinite
  }
}

/// Looks at values while a network runs. Nothing is copied for it: a tensor it keeps shares its storage.
package struct ReferenceTap {
  /// Whether the value of this name is wanted. The output of a layer carries the layer's name; the inputs of the
  /// network are values too.
  package var wants: (_ value: String) -> Bool
  package var receive: (_ value: String, _ tensor: ReferenceTensor) -> Void

  package init(
    wants: @escaping (_ value: String) -> Bool,
    receive: @escaping (_ value: String, _ tensor: ReferenceTensor) -> Void
  ) {
    self.wants = wants
    self.receive = receive
  }

  func offer(_ name: String, _ tensor: ReferenceTensor) {
    if wants(name) { receive(name, tensor) }
  }
}
