import MartletModel
import MartletReference

/// The collectors of all requests, fed through one tap.
final class CollectorSet {
  private var collectors: [StatisticRequest: any Collector] = [:]
  private var requests: [String: [StatisticRequest]] = [:]
  private let parallel: Parallel
  /// Most rows of a sample in this run.
  let rowLimit: Int
  /// All requests, always in the same order.
  let order: [StatisticRequest]
  /// The parts of the model that have to run.
  let roles: Set<NetworkRole>

  /// - Parameter rowByteLimit: for all samples of rows together.
  /// - Throws: `unknownValue` for the first request that no network can answer.
  init(
    _ wanted: [StatisticRequest], model: ModelDescription, parallel: Parallel, rowByteLimit: Int
  ) throws(CalibrationError) {
    var channels: [String: (count: Int, role: NetworkRole)] = [:]
    for network in model.networks {
      for value in network.values where value.shape != .ids {
        channels[value.name] = (value.shape.channels, network.role)
      }
    }
    var roles: Set<NetworkRole> = []
    var sampled = 0
    for request in Set(wanted) where request.statistic == .rows {
      sampled += channels[request.value]?.count ?? 0
    }
    let rowLimit = min(RowSample.mostRows, max(64, rowByteLimit / 2 / max(1, sampled)))
    for request in wanted.sorted(by: StatisticRequest.isOrdered)
    where collectors[request] == nil {
      guard let (count, role) = channels[request.value] else { throw .unknownValue(request) }
      collectors[request] = request.statistic.collector(channels: count, rowLimit: rowLimit)
      requests[request.value, default: []].append(request)
      roles.insert(role)
    }
    order = collectors.keys.sorted(by: StatisticRequest.isOrdered)
    self.rowLimit = rowLimit
    self.parallel = parallel
    self.roles = roles
  }

  var tap: ReferenceTap {
    ReferenceTap(
      wants: { [requests] in requests[$0] != nil },
      receive: { [self] value, tensor in
        // The images of a prompt without images are no rows.
        if tensor.rows == 0 { return }
        for request in requests[value] ?? [] {
          // Taken out while it changes, so that it is not copied.
          guard var collector = collectors.removeValue(forKey: request) else { continue }
          collector.add(tensor, parallel)
          collectors[request] = collector
        }
      })
  }

  /// From now on samples remember which of their rows change.
  func keepTrack() {
    for request in order {
      guard var sample = collectors[request] as? RowsCollector else { continue }
      sample.keepsTrack = true
      collectors[request] = sample
    }
  }

  func collector(of request: StatisticRequest) -> (any Collector)? { collectors[request] }

  func put(_ collector: any Collector, for request: StatisticRequest) {
    collectors[request] = collector
  }

  /// What was found, by request.
  /// - Throws: `notFinite` where a result does not fit single precision.
  func found() throws(CalibrationError) -> [StatisticRequest: CollectedStatistic] {
    var result: [StatisticRequest: CollectedStatistic] = [:]
    for (request, collector) in collectors {
      let found = collector.found
      if !found.isFinite { throw .notFinite(request) }
      result[request] = found
    }
    return result
  }
}
