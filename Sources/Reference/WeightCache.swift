import MartletModel

/// Parameters in memory up to a limit.
///
/// A network asks for its parameters in the same order at every run. The first ones are kept until the limit is
/// reached and the others asked for again each time: for such a cycle this misses least (keeping the latest would
/// miss always).
package final class WeightCache {
  private let source: any FloatParameters
  private let byteLimit: Int
  private var kept: [String: [Float]] = [:]
  private var bytesKept = 0

  package init(_ source: any FloatParameters, byteLimit: Int) {
    self.source = source
    self.byteLimit = byteLimit
  }

  /// A matrix of more numbers that does not fit is read in parts of at most so many: 64 MiB.
  package static let partElements = 1 << 24

  /// Whether the numbers of a parameter are in memory, or will be once they were asked for.
  func holds(_ parameter: Parameter) -> Bool {
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
