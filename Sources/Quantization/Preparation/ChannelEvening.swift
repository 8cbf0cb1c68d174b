import MartletModel

/// Channels that other layers read with weights far smaller than all others are scaled to be read like them:
///
///     y = W x = (W diag s) (diag s⁻¹ x)
///
/// Such a channel is as a rule as much larger as its weights are smaller; beside it, 8 bits for a row leave nothing of the
/// others, and 8 bits for an output nothing of its weights. Cross-layer equalization (arXiv 1906.04721, section 4.1) without its
/// other half: a channel with larger weights may be an important one of common size, which only pictures can tell. Dividing a channel
/// never widens the range of a row, so this needs no calibration; where there is one, `ChannelBalance` does it better.
enum ChannelEvening {
  /// How many times as small weights have to be. Trained matrices stay within a factor of 8 of the median.
  static let limit = 16.0
  /// Numbers read at a time.
  private static let partNumbers = 1 << 22

  /// Evens every value that can be and needs it, between layers that `encoding` gives codes.
  ///
  /// Reads the weights of every product behind such a value once.
  /// - Parameter left: parts that are left as they are.
  static func apply(
    to draft: inout ModelDraft, except left: Set<NetworkRole>,
    encoding: (Layer) -> WeightEncoding?
  ) throws(ModelError) -> [QuantizationReport.Evened] {
    var evened: [QuantizationReport.Evened] = []
    for index in draft.networks.indices where !left.contains(draft.networks[index].role) {
      for value in draft.networks[index].values.indices {
        let id = ValueID(value)
        let network = draft.networks[index]
        guard let site = BalanceSite(id, in: network, encoding: encoding) else { continue }
        let sizes = try sizes(behind: site, network, draft.parameters)
        guard let scale = scale(sizes) else { continue }
        evened.append(
          .init(
            value: network[id].name, channels: scale.count { $0 != 1 },
            ratio: Double(scale.max() ?? 1)))
        site.apply(scale, to: &draft, network: index)
      }
    }
    return evened
  }

  /// What brings small channels to the median; `nil` where there are none.
  static func scale(_ sizes: [Double]) -> [Float]? {
    let known = sizes.filter { $0 > 1e-12 }.sorted()
    guard !known.isEmpty else { return nil }
    let median = known[known.count / 2]
    // Beyond 2¹⁶ a channel says nothing.
    let scale = sizes.map { size in
      size > median / 65536 && size * limit < median ? Float(median / size) : 1
    }
    return scale.contains { $0 != 1 } ? scale : nil
  }

  /// The largest root mean square with which any product reads each channel.
  private static func sizes(
    behind site: BalanceSite, _ network: Network, _ parameters: any FloatParameters
  ) throws(ModelError) -> [Double] {
    var largest = [Double](repeating: 0, count: network[site.value].shape.channels)
    for product in site.products {
      let (width, name) = (product.op.inputs, network[product.op.weight].name)
      let count = width * product.op.outputs
      var sums = [Double](repeating: 0, count: width)
      let step = max(1, partNumbers / width) * width
      for start in stride(from: 0, to: count, by: step) {
        let part = try parameters.values(of: name, elements: start..<min(count, start + step))
        for row in stride(from: 0, to: part.count, by: width) {
          for channel in 0..<width {
            let number = Double(part[row + channel])
            sums[channel] += number * number
          }
        }
      }
      for channel in 0..<width {
        largest[channel] = max(
          largest[channel], (sums[channel] / Double(product.op.outputs)).squareRoot())
      }
    }
    return largest
  }
}
