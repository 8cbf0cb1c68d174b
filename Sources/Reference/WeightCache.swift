import MartletModel

/// Parameters in memory up to a limit.
///
/// A network asks for its parameters in the same order at every run. The first ones are kept until the limit is
/// reached and the others asked for again each time: for such a cycle this misses least (keeping the latest would
/// miss always).
package final class WeightCache {
  private let source: any FloatParameters
  private let byteLimit: Int
  let partElements: Int
  private var kept: [String: [Float]] = [:]
  private var bytesKept = 0

  /// - Parameter partElements: matrices of more numbers that do not fit are read in parts of at most so many.
  package init(
    _ source: any FloatParameters, byteLimit: Int, partElements: Int = standardPartElements
  ) {
    self.source = source
    self.byteLimit = byteLimit
    self.partElements = partElements
  }

  /// 64 MiB.
  package static let standardPartElements = 1 << 24

  /// Whether a parameter is neither held nor small enough to be read whole.
  func isRead(inParts parameter: Parameter) -> Bool {
    parameter.count > partElements && !holds(parameter)
  }

  /// Whether the numbers of a parameter are in memory, or will be once they were asked for.
  private func holds(_ parameter: Parameter) -> Bool {
    kept[parameter.name] != nil
      || parameter.count * MemoryLayout<Float>.stride <= byteLimit - bytesKept
  }

  /// Some numbers of a parameter that is not held.
  func values(
    _ parameter: Parameter, elements: Range<Int>
  ) throws(ReferenceError) -> [Float] {
    let values: [Float]
    do throws(ModelError) {
      values = try source.values(of: parameter.name, elements: elements)
    } catch {
      throw .model(error)
    }
    if values.count != elements.count {
      throw .parameterCount(name: parameter.name, expected: elements.count, found: values.count)
    }
    return values
  }

  /// The numbers of a parameter, checked against its shape.
  func values(_ parameter: Parameter) throws(ReferenceError) -> [Float] {
    if let values = kept[parameter.name] { return values }
    let values: [Float]
    do throws(ModelError) {
      values = try source.values(of: parameter.name)
    } catch {
      throw .model(error)
    }
    if values.count != parameter.count {
      throw .parameterCount(
        name: parameter.name, expected: parameter.count, found: values.count)
    }
    let bytes = values.count * MemoryLayout<Float>.stride
    if bytes <= byteLimit - bytesKept {
      kept[parameter.name] = values
      bytesKept += bytes
    }
    return values
  }
}
