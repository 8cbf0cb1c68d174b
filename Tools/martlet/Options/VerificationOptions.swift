import ArgumentParser
import MartletVerification

/// What a verification must reach.
struct LimitOptions: ParsableArguments {
  @Option(help: "Least cosine of any picture's image tokens.")
  var minCosine: Double?

  @Option(help: "Largest mean divergence of next-token distributions, in nats.")
  var maxKl: Double?

  @Option(help: "Least share of positions with the same likeliest token.")
  var minAgreement: Double?

  @Option(help: "Largest loss of score on the questions, as a share: 0.01 is one point.")
  var maxScoreDrop: Double?

  var limits: VerificationLimits {
    VerificationLimits(
      minimumCosine: minCosine, maximumDivergence: maxKl, minimumAgreement: minAgreement,
      maximumScoreDrop: maxScoreDrop)
  }

  var areGiven: Bool { limits != VerificationLimits() }
}

extension Shard: ExpressibleByArgument {
  /// `2/8`
  public init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), index >= 1,
      index <= count, count <= Shard.most
    else { return nil }
    self.init(index: index, count: count)
  }
}
