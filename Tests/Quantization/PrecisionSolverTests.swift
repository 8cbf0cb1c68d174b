import MartletQuantization
import MartletTestSupport
import Testing

@Suite struct PrecisionSolverTests {
  private typealias Costs = PrecisionSolver.Costs

  /// Units with a cheap and coarse, a middle, and a dear and exact option.
  private static func units(_ seed: UInt64, count: Int) -> [[Costs]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      let draws = generator.floats(4).map { abs(Double($0)) }
      let (harm, size, time) = (draws[0] * draws[0], 0.2 + draws[1], 0.1 + draws[2])
      return [
        Costs(harm, size, time), Costs(harm / 30, 2 * size, time * (1.2 + draws[3])),
        Costs(0, 8 * size, 4 * time),
      ]
    }
  }

  /// The least on one axis that keeps the limits, by trying all.
  private static func best(_ units: [[Costs]], _ axis: Int, _ limits: Costs) -> Double? {
    var best: Double?
    func walk(_ unit: Int, _ costs: Costs) {
      if unit == units.count {
        if costs.x <= limits.x, costs.y <= limits.y, costs.z <= limits.z {
          best = min(best ?? .infinity, costs[axis])
        }
        return
      }
      for option in units[unit] { walk(unit + 1, costs + option) }
    }
    walk(0, .zero)
    return best
  }

  @Test(arguments: 1...12)
  func choicesAreNearTheBest(seed: Int) throws {
    let units = Self.units(UInt64(seed), count: 7)
    let solver = PrecisionSolver(units: units)
    let infinite = Double.infinity
    let (leastBytes, leastTime) = (solver.least(.bytes), solver.least(.milliseconds))
    let cases: [(axis: PrecisionSolver.Axis, limits: Costs)] = [
      (.divergence, Costs(infinite, 1.8 * leastBytes, infinite)),
      (.divergence, Costs(infinite, infinite, 1.3 * leastTime)),
      (.divergence, Costs(infinite, 2.5 * leastBytes, 1.5 * leastTime)),
      (.bytes, Costs(0.1, infinite, infinite)),
    ]
    for (axis, limits) in cases {
      let expected = try #require(Self.best(units, axis.rawValue, limits))
      let found = try #require(solver.choice(minimizing: axis, limits: limits))
      var costs = Costs.zero
      for (unit, option) in found.options.enumerated() { costs += units[unit][option] }
      #expect(costs == found.costs)
      #expect(
        found.costs.x <= limits.x && found.costs.y <= limits.y && found.costs.z <= limits.z)
      #expect(found.costs[axis.rawValue] >= expected * (1 - 1e-9))
      #expect(found.costs[axis.rawValue] <= expected * 1.1, "\(axis) \(limits)")
    }
  }

  @Test func whatCannotBeKeptHasNoChoice() {
    let solver = PrecisionSolver(units: Self.units(3, count: 5), fixed: Costs(0, 1, 1))
    let infinite = Double.infinity
    let below = solver.least(.bytes) * 0.999
    #expect(
      solver.choice(minimizing: .divergence, limits: Costs(infinite, below, infinite)) == nil)
    let exact = solver.choice(minimizing: .bytes, limits: Costs(0, infinite, infinite))
    #expect(exact?.options == [2, 2, 2, 2, 2])
  }

  @Test func theTradeOffFallsAllTheWay() {
    let solver = PrecisionSolver(units: Self.units(5, count: 9))
    let curve = solver.tradeOff()
    #expect(curve.count > 8)
    for (a, b) in zip(curve, curve.dropFirst()) {
      #expect(a.costs.y < b.costs.y)
      #expect(a.costs.x > b.costs.x)
    }
    #expect(curve.last?.costs.x == 0)
    #expect(abs((curve.first?.costs.y ?? 0) - solver.least(.bytes)) < 1e-9)
  }
}
