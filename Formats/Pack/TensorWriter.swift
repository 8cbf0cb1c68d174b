// Packs tensors into frames on all threads. One of the module's files with pointers.

import MartletBytes
import MartletModel

/// Writes the components of every parameter, in the order of networks and parameters.
struct TensorWriter {
  private let file: PackFile
  private let storage: WeightStorage
  private let frameBytes: Int
  private let pool: ThreadPool
  /// The directory lines of what was written.
  private(set) var written: [StoredTensor] = []

  init(file: PackFile, storage: WeightStorage, frameBytes: Int, pool: ThreadPool) {
    self.file = file
    self.storage = storage
    self.frameBytes = frameBytes
    self.pool = pool
  }

  mutating func write(
    _ model: QuantizedModel, progress: (PackProgress) -> Void
  ) throws(PackError) {
    let parameters = model.description.networks.flatMap { $0.parameters }
    let encodings = try encodings(parameters, plan: model.plan)
    var state = PackProgress(
      tensor: "", tensorCount: 0, tensorTotal: parameters.count, unpackedBytes: 0,
      unpackedTotal: 0)
    for (parameter, encoding) in zip(parameters, encodings) {
      for component in encoding.components(shape: parameter.shape) ?? [] {
        state.unpackedTotal += UInt64(component.byteCount)
      }
    }
    var encoder = try FrameBatch(frameBytes: frameBytes, pool: pool)
    for (parameter, encoding) in zip(parameters, encodings) {
      let encoded: EncodedParameter
      do { encoded = try model.parameters.encoded(parameter.name) } catch { throw .model(error) }
      let tensor = try write(encoded, parameter: parameter, encoding: encoding, &encoder)
      written.append(tensor)
      state.tensor = parameter.name
      state.tensorCount += 1
      state.unpackedBytes += tensor.byteCount
      progress(state)
    }
  }

  /// The planned encodings in the order of the parameters; the plan names nothing else.
  private func encodings(
    _ parameters: [Parameter], plan: QuantizationPlan
  ) throws(PackError) -> [WeightEncoding] {
    var encodings: [WeightEncoding] = []
    for parameter in parameters {
      guard let encoding = plan.weights[parameter.name] else {
        throw .model(
          .parameterUnavailable(name: parameter.name, reason: "no encoding planned"))
      }
      encodings.append(encoding)
    }
    if plan.weights.count != parameters.count {
      throw .tensorCount(expected: parameters.count, found: plan.weights.count)
    }
    return encodings
  }

  private func write(
    _ encoded: EncodedParameter, parameter: Parameter, encoding: WeightEncoding,
    _ batch: inout FrameBatch
  ) throws(PackError) -> StoredTensor {
    guard encoded.name == parameter.name, encoded.shape == parameter.shape,
      encoded.encoding == encoding,
      let expected = encoding.components(shape: parameter.shape),
      expected.count == encoded.components.count
    else {
      throw .tensorMismatch(
        expected: parameter.name, found: encoded.name, offset: file.position)
    }
    var components: [StoredComponent] = []
    for (expected, found) in zip(expected, encoded.components) {
      if expected.component != found.component || expected.byteCount != found.bytes.count {
        throw .componentSize(
          tensor: parameter.name, component: expected.component,
          expected: UInt64(expected.byteCount), found: UInt64(found.bytes.count))
      }
      components.append(
        try write(
          found.bytes, component: found.component,
          compressed: encoding.compressedStorage(of: found.component), &batch))
    }
    return StoredTensor(
      name: parameter.name, shape: parameter.shape, encoding: encoding, components: components)
  }

  private func write(
    _ bytes: [UInt8], component: WeightComponent, compressed: Storage,
    _ batch: inout FrameBatch
  ) throws(PackError) -> StoredComponent {
    var stored = StoredComponent(
      component: component, storage: .raw, offset: 0, byteCount: UInt64(bytes.count), frames: [])
    if storage == .compressed, let packed = batch.packed(bytes, storage: compressed) {
      stored.storage = compressed
      stored.offset = file.position
      stored.frames = packed.frames
      try file.append(packed.bytes)
    } else {
      try file.align()
      stored.offset = file.position
      stored.frames = batch.rawFrames(bytes)
      try file.append(bytes)
    }
    return stored
  }
}

/// Packs the frames of one component after the other, some frames at a time on all threads.
private struct FrameBatch {
  private let frameBytes: Int
  private let pool: ThreadPool
  private let encoders: [FrameEncoder]
  /// Room for the packed frames of one round, `bound` bytes each.
  private var room: [UInt8] = []
  private let bound: Int
  private let framesPerRound: Int

  init(frameBytes: Int, pool: ThreadPool) throws(PackError) {
    self.frameBytes = frameBytes
    self.pool = pool
    var encoders: [FrameEncoder] = []
    for _ in 0..<pool.threads {
      guard let encoder = FrameEncoder() else { throw .memory(byteCount: frameBytes) }
      encoders.append(encoder)
    }
    self.encoders = encoders
    bound = FrameEncoder.bound(frameBytes)
    // Enough frames that a slow one at the end of a round costs little.
    framesPerRound = 8 * pool.threads
  }

  /// The packed frames, or `nil` where the component is to be stored raw: it gains less than 3 %, or
  /// shrinks more than the format allows.
  mutating func packed(
    _ bytes: [UInt8], storage: Storage
  ) -> (frames: [StoredFrame], bytes: [UInt8])? {
    if room.isEmpty { room = [UInt8](repeating: 0, count: bound * framesPerRound) }
    let frameCount = (bytes.count + frameBytes - 1) / frameBytes
    // More than this and the component is stored raw.
    let limit = bytes.count - (3 * bytes.count + 99) / 100
    var frames: [StoredFrame] = []
    var packed: [UInt8] = []
    // Untouched memory costs nothing, growing by copies would: a component of gigabytes is held once.
    packed.reserveCapacity(limit + bound * framesPerRound)
    for first in stride(from: 0, to: frameCount, by: framesPerRound) {
      let round = first..<min(frameCount, first + framesPerRound)
      for (slot, frame) in pack(bytes, round: round, storage: storage).enumerated() {
        let start = slot * bound
        packed += room[start..<start + Int(frame.storedBytes)]
        frames.append(frame)
      }
      if packed.count > limit { return nil }
    }
    let smallest = UInt64(bytes.count) / TensorDirectory.largestExpansion
    return UInt64(packed.count) < smallest ? nil : (frames, packed)
  }

  /// Packs a round of frames into `room`.
  private mutating func pack(
    _ bytes: [UInt8], round: Range<Int>, storage: Storage
  ) -> [StoredFrame] {
    var frames = [StoredFrame](
      repeating: StoredFrame(storedBytes: 0, checksum: 0), count: round.count)
    let (bound, frameBytes, encoders, pool) = (bound, frameBytes, encoders, pool)
    unsafe room.withUnsafeMutableBytes { room in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe frames.withUnsafeMutableBufferPointer { frames in
          pool.parallelFor(round.count) { slot, worker in
            let start = (round.lowerBound + slot) * frameBytes
            // SAFETY: slots do not overlap, and each is visited once; sources lie inside `bytes`.
            let source = unsafe UnsafeRawBufferPointer(
              rebasing: bytes[start..<min(bytes.count, start + frameBytes)])
            let target = unsafe UnsafeMutableRawBufferPointer(
              rebasing: room[slot * bound..<(slot + 1) * bound])
            let size = unsafe encoders[worker].pack(source, storage: storage, into: target)
            let stored = unsafe UnsafeRawBufferPointer(rebasing: target[..<size])
            unsafe frames[slot] = StoredFrame(
              storedBytes: UInt32(size), checksum: XXH64.checksum(RawSpan(_unsafeBytes: stored)))
          }
        }
      }
    }
    return frames
  }

  /// The frames of a component that is stored as it is.
  func rawFrames(_ bytes: [UInt8]) -> [StoredFrame] {
    let frameCount = (bytes.count + frameBytes - 1) / frameBytes
    var frames = [StoredFrame](
      repeating: StoredFrame(storedBytes: 0, checksum: 0), count: frameCount)
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe frames.withUnsafeMutableBufferPointer { frames in
        pool.parallelFor(frameCount) { index, _ in
          let start = index * frameBytes
          // SAFETY: each element is written once; the source lies inside `bytes`.
          let source = unsafe UnsafeRawBufferPointer(
            rebasing: bytes[start..<min(bytes.count, start + frameBytes)])
          unsafe frames[index] = StoredFrame(
            storedBytes: UInt32(source.count),
            checksum: XXH64.checksum(RawSpan(_unsafeBytes: source)))
        }
      }
    }
    return frames
  }
}
