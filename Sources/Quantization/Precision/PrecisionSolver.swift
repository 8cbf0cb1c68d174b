import Foundation

/// Chooses an option for each of many units so that sums of costs keep their limits.
///
/// A knapsack with one choice a unit and up to three costs. For given prices of the other costs the units decide by themselves; prices are
/// searched on a logarithmic grid (Everett, Operations Research 11, 1963), and the best choice found is improved by changing
/// one or two units at a time, which closes most of the gap that prices leave.
package struct PrecisionSolver: Sendable {
  /// Divergence, bytes and milliseconds, or limits of them.
  package typealias Costs = SIMD3<Double>

  package enum Axis: Int, CaseIterable, Sendable { case divergence, bytes, milliseconds }

  package struct Choice: Equatable, Sendable {
    /// An option for each unit.
    package var options: [Int]
    package var costs: Costs
  }

  /// `[unit][option]`
  private let units: [[Costs]]
  /// What no choice changes.
  private let fixed: Costs

  /// - Parameter units: each with at least one option.
  package init(units: [[Costs]], fixed: Costs = .zero) {
    precondition(units.allSatisfy { !$0.isEmpty })
    self.units = units
    self.fixed = fixed
  }

  /// The least that any choice costs on one axis.
  package func least(_ axis: Axis) -> Double {
    units.reduce(fixed[axis.rawValue]) { sum, options in
      sum + (options.map { $0[axis.rawValue] }.min() ?? 0)
    }
  }

  /// The best choice on one axis that keeps the limits; `nil` where none was found.
  ///
  /// - Parameter limits: infinite where there is none.
  package func choice(minimizing axis: Axis, limits: Costs) -> Choice? {
    let others = Axis.allCases.filter { $0 != axis }
    var best: Choice?
    // What is least where limits are, or against all of them: kept where no price is high enough.
    var extremes = [Costs.zero]
    for other in others where limits[other.rawValue].isFinite {
      var weights = Costs.zero
      weights[other.rawValue] = 1
      extremes.append(weights)
      extremes[0][other.rawValue] = 1 / max(limits[other.rawValue], .leastNormalMagnitude)
    }
    for weights in extremes {
      let found = choice(weights)
      if Self.keeps(found.costs, limits),
        best.map({ found.costs[axis.rawValue] < $0.costs[axis.rawValue] }) ?? true
      {
        best = found
      }
    }
    for first in prices(of: others[0], for: axis, limits) {
      for second in prices(of: others[1], for: axis, limits) {
        var weights = Costs.zero
        weights[axis.rawValue] = 1
        weights[others[0].rawValue] = first
        weights[others[1].rawValue] = second
        let found = choice(weights)
        if Self.keeps(found.costs, limits),
          best.map({ found.costs[axis.rawValue] < $0.costs[axis.rawValue] }) ?? true
        {
          best = found
        }
      }
    }
    return best.map { improved($0, axis, limits) }
  }

  /// Choices between the most accurate and the smallest that no other beats on both.
  package func tradeOff() -> [Choice] {
    var curve: [Choice] = []
    for price in [0] + Self.grid(spread(.divergence) / max(1, spread(.bytes)), step: 4) {
      let found = choice(Costs(1, price, 0))
      if curve.last?.options != found.options { curve.append(found) }
    }
    return curve.sorted { $0.costs.y < $1.costs.y }
  }

  // MARK: Prices

  private func prices(of axis: Axis, for objective: Axis, _ limits: Costs) -> [Double] {
    if !limits[axis.rawValue].isFinite { return [0] }
    let isAlone = Axis.allCases.count { $0 != objective && limits[$0.rawValue].isFinite } == 1
    let range = spread(axis)
    if range <= 0 { return [0] }
    return [0] + Self.grid(spread(objective) / range, step: isAlone ? 8 : 2)
  }

  /// Forty octaves around a center.
  private static func grid(_ center: Double, step: Int) -> [Double] {
    (-20 * step...20 * step).map { max(center, 1e-300) * exp2(Double($0) / Double(step)) }
  }

  /// How far apart the dearest and the cheapest choice are.
  private func spread(_ axis: Axis) -> Double {
    units.reduce(0) { sum, options in
      let costs = options.map { $0[axis.rawValue] }
      return sum + (costs.max() ?? 0) - (costs.min() ?? 0)
    }
  }

  private func choice(_ weights: Costs) -> Choice {
    var choice = Choice(options: [], costs: fixed)
    for options in units {
      var (best, least) = (0, Double.infinity)
      for (index, costs) in options.enumerated() {
        let price = (costs * weights).sum()
        if price < least { (best, least) = (index, price) }
      }
      choice.options.append(best)
      choice.costs += options[best]
    }
    return choice
  }

  private static func keeps(_ costs: Costs, _ limits: Costs) -> Bool {
    costs.x <= limits.x && costs.y <= limits.y && costs.z <= limits.z
  }

  // MARK: Improvement

  /// Changes one unit, or two at once, as long as that helps.
  private func improved(_ start: Choice, _ axis: Axis, _ limits: Costs) -> Choice {
    var choice = start
    while let step = step(from: choice, axis, limits) {
      for (unit, option) in step {
        choice.costs += units[unit][option] - units[unit][choice.options[unit]]
        choice.options[unit] = option
      }
    }
    // Sums anew: differences carry rounding along.
    choice.costs = fixed
    for (unit, option) in choice.options.enumerated() { choice.costs += units[unit][option] }
    return choice
  }

  private func step(
    from choice: Choice, _ axis: Axis, _ limits: Costs
  ) -> [(unit: Int, option: Int)]? {
    var moves: [(unit: Int, option: Int, change: Costs)] = []
    for (unit, options) in units.enumerated() {
      let now = options[choice.options[unit]]
      for (option, costs) in options.enumerated() where option != choice.options[unit] {
        moves.append((unit, option, costs - now))
      }
    }
    // Less than this is rounding.
    let least = -1e-9 * max(1e-12, abs(choice.costs[axis.rawValue]))
    var (best, gain): ([(unit: Int, option: Int)]?, Double) = (nil, least)
    for move in moves {
      let change = move.change[axis.rawValue]
      if change < gain, Self.keeps(choice.costs + move.change, limits) {
        (best, gain) = ([(move.unit, move.option)], change)
      }
    }
    if best != nil { return best }
    for move in moves where move.change[axis.rawValue] < 0 {
      for other in moves where other.unit != move.unit {
        let change = move.change + other.change
        if change[axis.rawValue] < gain, Self.keeps(choice.costs + change, limits) {
          gain = change[axis.rawValue]
          best = [(move.unit, move.option), (other.unit, other.option)]
        }
      }
    }
    return best
  }
}
