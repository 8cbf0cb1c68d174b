import MartletBytes
import MartletTestSupport
import Testing

@Suite struct ProcessorsTests {
  @Test(arguments: [
    ("0", [0]), ("0-3", [0, 1, 2, 3]), ("6,0-1", [0, 1, 6]), ("2-3,3-4", [2, 3, 4]),
  ])
  func listsAreRead(text: String, processors: [Int]) {
    #expect(Processors.list(text) == processors)
  }

  @Test(arguments: ["", ",", "1,", "a", "-1", "+1", "3-1", "1-2-3", "0-99999", "1 ", "0x1"])
  func otherTextsAreNoLists(text: String) {
    #expect(Processors.list(text) == nil)
  }

  @Test(arguments: [([0], "0"), ([0, 1, 2, 3], "0-3"), ([0, 2, 3, 6], "0,2-3,6"), ([], "")])
  func listsAreWritten(processors: [Int], text: String) {
    #expect(Processors.text(processors) == text)
  }

  /// An RK3588: four Cortex-A55, then two clusters of two Cortex-A76.
  @Test func theBigCoresOfABoardAreTheFastOnes() throws {
    let directory = try TemporaryDirectory()
    for (index, capacity) in [414, 414, 414, 414, 1024, 1024, 1008, 1008].enumerated() {
      try directory.write(
        "\(capacity)\n", to: "sys/devices/system/cpu/cpu\(index)/cpu_capacity")
    }
    #expect(Processors.fastest(of: Array(0..<8), root: directory.path) == [4, 5, 6, 7])
    #expect(Processors.fastest(of: [0, 1, 2], root: directory.path) == [0, 1, 2])
    // A processor whose capacity is unknown could be any.
    #expect(Processors.fastest(of: Array(0..<9), root: directory.path) == Array(0..<9))
  }

  @Test func processorsThatAreNotThereAreRefused() {
    let allowed = Processors.text(Processors.allowed)
    for requested in [[16000], [], Processors.allowed + [16001]] {
      #expect(
        throws: BytesError.processors(requested: Processors.text(requested), allowed: allowed)
      ) { try Processors.restrict(to: requested) }
    }
  }
}
