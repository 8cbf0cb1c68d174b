import MartletCalibration
import MartletModel

/// What quantization reads out of a calibration table.
extension CalibrationTable: ActivationStatistics {
  package func range(of value: String) -> (lowest: Float, highest: Float)? {
    let request = StatisticRequest(value: value, statistic: .range)
    guard case .range(let minimum, let maximum)? = entries[request] else { return nil }
    return (minimum, maximum)
  }

  package func channelMeans(of value: String) -> [Double]? {
    let request = StatisticRequest(value: value, statistic: .channelMeans)
    guard case .channelMeans(let means)? = entries[request] else { return nil }
    return means.map(Double.init)
  }

  package func rows(of value: String) -> RowSample? {
    let request = StatisticRequest(value: value, statistic: .rows)
    guard case .rows(let sample)? = entries[request] else { return nil }
    return sample
  }
}

extension Scheme {
  /// What has to be known of a model's values for this scheme, in the order of the layers.
  package func statisticRequests(for description: ModelDescription) -> [StatisticRequest] {
    var requests: [StatisticRequest] = []
    for network in description.networks {
      let tables = network.embeddingTables
      for layer in network.layers {
        guard case .linear(let op) = layer.op else { continue }
        let value = network[layer.inputs[0]].name
        if needsRows(of: network.role), !tables.contains(op.weight) || clipsRanges {
          requests.append(StatisticRequest(value: value, statistic: .rows))
        }
        if activations == .calibrated {
          requests.append(StatisticRequest(value: value, statistic: .range))
        }
        if correctsBias, op.bias != nil {
          requests.append(StatisticRequest(value: value, statistic: .channelMeans))
        }
      }
    }
    return Array(Set(requests)).sorted {
      $0.value == $1.value ? $0.statistic.rawValue < $1.statistic.rawValue : $0.value < $1.value
    }
  }
}
