import CMartletKernels
import Testing

@Suite struct InstructionSetTests {
  @Test func everyInstructionSetIsFoundByItsName() {
    for value in 0..<UInt32(MARTLET_ISA_COUNT) {
      let isa = martlet_isa(rawValue: value)
      var found = MARTLET_ISA_SCALAR
      #expect(martlet_isa_named(martlet_isa_name(isa), &found))
      #expect(found == isa)
    }
  }

  @Test func unknownNamesAreRefused() {
    var isa = MARTLET_ISA_AVX2
    for name in ["", "avx", "AVX2", "avx512"] {
      #expect(!martlet_isa_named(name, &isa))
    }
    #expect(isa == MARTLET_ISA_AVX2)
    #expect(String(cString: martlet_isa_name(martlet_isa(rawValue: 99))) == "unknown")
  }

  @Test func bestIsAvailableAndNoneBetterIs() {
    let best = martlet_isa_best()
    #expect(martlet_isa_available(best))
    for value in best.rawValue + 1..<UInt32(MARTLET_ISA_COUNT) + 1 {
      #expect(!martlet_isa_available(martlet_isa(rawValue: value)))
    }
  }
}
