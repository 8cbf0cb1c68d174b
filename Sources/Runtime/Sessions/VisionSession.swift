import MartletBytes
import MartletModel

/// Turns pixels into image rows for the language model: encoder, then projector.
package final class VisionSession {
  private let encoder: NetworkExecutor
  private let projector: NetworkExecutor?
  /// Side of the pictures taken, in pixels.
  package let resolution: Int
  /// Rows a picture becomes.
  package let tokens: Int
  /// Width of the encoder's rows.
  package let encoderChannels: Int
  /// Width of the rows handed to the language model; the encoder's own where there is no projector.
  package let channels: Int
  private var encoderTimings: RegionTimings

  /// - Throws: `missingNetwork`, `resolution`, `encoding`, `unschedulable`, `outOfMemory`.
  package init(
    model: LoadedModel, resolution: Int? = nil, options: RunOptions, pool: ThreadPool
  ) throws(RuntimeError) {
    let side = resolution ?? model.description.image.resolution
    let (network, weights) = try model.part(.vision)
    guard network.inputs.count == 1,
      network[network.inputs[0]].shape == .map(channels: 3, stride: 1)
    else { throw .missingNetwork("pictures of 3 channels in \(network.role.name)") }
    let plan = model.plan.at(side, rungs: model.rungs)
    encoder = try NetworkExecutor(
      network: network, plan: plan,
      schedule: Schedule(
        network: network, plan: plan, extent: .picture(side: side),
        machine: options.machine, fuse: options.fuse),
      weights: weights, instructionSet: options.instructionSet, pool: pool)
    encoder.residentLimit = options.memory?.residentLimit(weights)
    self.resolution = side
    tokens = encoder.schedule.extents.rows[network.output.index]
    encoderChannels = network[network.output].shape.channels
    encoderTimings = RegionTimings(isOn: options.profile)
    guard model.description.network(.projector) != nil else {
      projector = nil
      channels = encoderChannels
      return
    }
    let (projection, projectionWeights) = try model.part(.projector)
    projector = try NetworkExecutor(
      network: projection, plan: plan,
      schedule: Schedule(
        network: projection, plan: plan, extent: .rows(tokens), machine: options.machine,
        fuse: options.fuse),
      weights: projectionWeights, instructionSet: options.instructionSet, pool: pool)
    channels = projection[projection.output].shape.channels
  }

  /// What a picture became.
  package struct Encoding: Sendable {
    /// `[tokens, encoderChannels]`; empty unless asked for.
    package var encoderOutput: [Float]
    /// `[tokens, channels]`
    package var imageTokens: [Float]
    package var encodeMilliseconds: Double
    package var projectMilliseconds: Double
  }

  /// - Parameters:
  ///   - pixels: of exactly `resolution` × `resolution`.
  ///   - keepsEncoderOutput: whether the encoder's rows are copied out as well.
  /// - Throws: `pixels`.
  package func encode(
    _ pixels: Pixels, keepingEncoderOutput keepsEncoderOutput: Bool = false,
    tap: NetworkExecutor.Tap? = nil, inject: NetworkExecutor.Injection? = nil
  ) throws(RuntimeError) -> Encoding {
    guard pixels.height == resolution, pixels.width == resolution else {
      throw .pixels(
        expected: resolution, foundHeight: pixels.height, foundWidth: pixels.width)
    }
    let start = MonotonicClock.nanoseconds
    encoder.load(pixels)
    try encoder.run(
      NetworkExecutor.Request(), tap: tap, inject: inject, timing: &encoderTimings)
    let features = encoder.output()
    let encoded = MonotonicClock.nanoseconds
    var result = Encoding(
      encoderOutput: keepsEncoderOutput ? features : [], imageTokens: features,
      encodeMilliseconds: Double(encoded - start) / 1e6, projectMilliseconds: 0)
    if let projector {
      projector.withValue(projector.network.inputs[0]) { values in
        for index in features.indices { values[index] = features[index] }
      }
      var timing = RegionTimings(isOn: false)
      try projector.run(NetworkExecutor.Request(), tap: tap, inject: inject, timing: &timing)
      result.imageTokens = projector.output()
      result.projectMilliseconds = MonotonicClock.milliseconds(since: encoded)
    }
    return result
  }

  /// Nanoseconds of each of the encoder's regions since the last call; empty unless the options asked to profile.
  package func takeTimings() -> [Int64] { encoderTimings.taken() }

  /// Memory held besides weights.
  package var workingBytes: Int { encoder.workingBytes + (projector?.workingBytes ?? 0) }

  /// Memory the encoder holds besides its weights.
  package var encoderWorkingBytes: Int { encoder.workingBytes }

  /// The encoder's regions, for reports.
  package var encoderSchedule: Schedule { encoder.schedule }
  package var encoderNetwork: Network { encoder.network }
}

extension NetworkExecutor {
  /// A copy of the output value.
  package func output() -> [Float] {
    withValue(network.output) { values in
      var copy: [Float] = []
      copy.reserveCapacity(values.count)
      for index in 0..<values.count { copy.append(values[index]) }
      return copy
    }
  }
}
