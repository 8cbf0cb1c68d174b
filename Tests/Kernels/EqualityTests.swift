import CMartletKernels
import KernelsSimulated
import MartletKernelTrials
import Testing

/// Every table equals the scalar one, bit for bit, and nothing writes beyond its rows.
@Suite struct EqualityTests {
  @Test func everyKernelInTheListHasTrials() {
    let tried = Set(Trial.all.map(\.kernel))
    #expect(kernelNames.filter { !tried.contains($0) } == [])
    #expect(tried.subtracting(kernelNames) == [])
  }

  @Test(arguments: kernelNames) func scalarWritesOnlyItsRows(kernel: String) {
    for trial in Trial.all where trial.kernel == kernel {
      #expect(trial.run(TableUnderTest.scalar).intact, "\(trial.label)")
    }
  }

  @Test(arguments: kernelNames, TableUnderTest.present)
  func equalsScalar(kernel: String, table: TableUnderTest) throws {
    let kernels = try #require(table.kernels)
    for trial in Trial.all where trial.kernel == kernel {
      let found = trial.run(kernels)
      let expected = trial.run(TableUnderTest.scalar)
      if found != expected {
        let at = zip(found.bits, expected.bits).enumerated().first { $0.element.0 != $0.element.1 }
        Issue.record(
          """
          \(kernel) \(trial.label): element \(at?.offset ?? -1) is \
          \(hexadecimal(at?.element.0)), expected \(hexadecimal(at?.element.1)); \
          guards intact: \(found.intact)
          """)
      }
    }
  }

  @Test func avx512IsSimulatedWhereItCannotRun() {
    #expect(
      martlet_kernels_simulated() != nil,
      "the AVX-512 kernels went untested: install libsimde-dev and build the tests again")
  }

  private func hexadecimal(_ bits: UInt32?) -> String {
    bits.map { String($0, radix: 16) } ?? "missing"
  }
}
