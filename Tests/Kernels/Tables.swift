import CMartletKernels
import KernelsSimulated

/// A table that must equal the scalar one.
enum TableUnderTest: String, CaseIterable, Sendable {
  case avx2
  case avxvnni
  case avx512vnni
  case neon
  case neonDotprod = "neon-dotprod"
  case neonI8mm = "neon-i8mm"
  /// The AVX-512 kernels over SIMDe.
  case simulated
  /// The AVX-VNNI kernels with their instruction simulated.
  case avxvnniSimulated

  /// `nil` where this machine or this build has none.
  var kernels: UnsafePointer<martlet_kernels>? {
    if self == .simulated { return martlet_kernels_simulated() }
    if self == .avxvnniSimulated { return martlet_kernels_avxvnni_simulated() }
    var isa = MARTLET_ISA_SCALAR
    guard martlet_isa_named(rawValue, &isa), martlet_isa_available(isa) else { return nil }
    return martlet_kernels_for(isa)
  }

  static let present: [TableUnderTest] = allCases.filter { $0.kernels != nil }

  static var scalar: UnsafePointer<martlet_kernels> { martlet_kernels_for(MARTLET_ISA_SCALAR) }
}

/// The names in kernels.def.
let kernelNames: [String] = (0..<martlet_kernel_count()).map {
  String(cString: martlet_kernel_name($0))
}
