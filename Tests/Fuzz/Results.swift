import CFuzzGuard
import MartletBytes
import MartletVerification

/// Results of `verify` and of `tune`: a seed is either, told by its first line.
enum Results {
  private static let bootstrap = Bootstrap(resamples: 3, seed: 0)
  /// Questions of the invented pictures that a tuning is counted on.
  private static let cases: VerificationCases = {
    var cases = VerificationCases()
    for index in 0..<4 {
      cases.add(path: "/\(index)", name: "\(index)", question: "q", answer: "yes")
    }
    return cases
  }()

  static func read(_ input: [UInt8]) {
    if let file = try? ResultsFile(input.span.bytes, path: "") {
      let verification = Verification(file.records, bootstrap: bootstrap)
      keep(verification.questions)
      keep(verification.layers.count)
    }
    if let file = try? TuningFile(input.span.bytes, path: "") {
      let tuning = Tuning(file.records, cases: cases, bootstrap: bootstrap)
      keep(tuning.recommended(budget: 100)?.accuracy)
      keep(tuning.wasted.count)
    }
  }

  /// The same lines, the sum of each put right.
  static func sealed(_ input: [UInt8]) -> [UInt8]? {
    var sealed: [UInt8] = []
    let tail = Array(",\"sum\":\"0123456789abcdef\"}".utf8).count
    for line in input.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
      if line.count < tail {
        sealed += line
      } else {
        let body = Array(line.dropLast(tail))
        let digits = String(XXH64.checksum(body), radix: 16)
        let sum = String(repeating: "0", count: 16 - digits.count) + digits
        sealed += body + Array(",\"sum\":\"\(sum)\"}".utf8)
      }
      sealed.append(0x0A)
    }
    return sealed
  }
}
