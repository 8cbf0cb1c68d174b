import MartletModel

/// What a preparation does to the numbers of one parameter.
struct ParameterEdit: Sendable {
  enum Diagonal: Sendable {
    /// Numbers on the diagonal become zero.
    case dropped
    /// Only the numbers on the diagonal are left.
    case taken
  }

  /// The parameter of the folded model that it is made of.
  var source: String
  /// Multiply element `i` of the first, second … extent.
  var rows: [Float]?
  /// Multiply element `i` of the innermost extent.
  var columns: [Float]?
  var diagonal: Diagonal?

  /// Multiplies the factors that are there already.
  mutating func scale(rows factors: [Float]) {
    rows = rows.map { zip($0, factors).map { $0 * $1 } } ?? factors
  }

  mutating func scale(columns factors: [Float]) {
    columns = columns.map { zip($0, factors).map { $0 * $1 } } ?? factors
  }
}

/// The parameters of a prepared model, made from those of the folded model when they are asked for.
final class PreparedParameters: FloatParameters {
  private let base: any FloatParameters
  private let edits: [String: ParameterEdit]
  private let counts: [String: Int]

  /// - Parameter parameters: those of the prepared model.
  init(base: any FloatParameters, edits: [String: ParameterEdit], parameters: [Parameter]) {
    self.base = base
    self.edits = edits
    counts = Dictionary(
      parameters.map { ($0.name, $0.count) }, uniquingKeysWith: { first, _ in first })
  }

  func values(of name: String) throws(ModelError) -> [Float] {
    guard let edit = edits[name], let count = counts[name] else {
      return try base.values(of: name)
    }
    if edit.diagonal == .taken {
      let matrix = try base.values(of: edit.source)
      var values = (0..<count).map { matrix[$0 * count + $0] }
      if let rows = edit.rows { for index in values.indices { values[index] *= rows[index] } }
      return values
    }
    return edited(try base.values(of: edit.source), edit, start: 0, of: count)
  }

  func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float] {
    guard let edit = edits[name], let count = counts[name] else {
      return try base.values(of: name, elements: elements)
    }
    if edit.diagonal == .taken { return Array(try values(of: name)[elements]) }
    return edited(
      try base.values(of: edit.source, elements: elements), edit, start: elements.lowerBound,
      of: count)
  }

  private func edited(
    _ values: [Float], _ edit: ParameterEdit, start: Int, of count: Int
  ) -> [Float] {
    var values = values
    if edit.diagonal == .dropped {
      let side = Int(Double(count).squareRoot())
      for row in start / side...(start + values.count - 1) / side {
        let place = row * side + row - start
        if values.indices.contains(place) { values[place] = 0 }
      }
    }
    if let columns = edit.columns {
      for index in values.indices { values[index] *= columns[(start + index) % columns.count] }
    }
    if let rows = edit.rows {
      let width = count / rows.count
      for index in values.indices { values[index] *= rows[(start + index) / width] }
    }
    return values
  }
}
