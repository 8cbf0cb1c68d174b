import CMartletKernels
import MartletModel

extension NetworkExecutor {
  /// Pixels to the floats of the network's input, on all threads, so that each brings in a part of its memory.
  ///
  /// - Precondition: the picture has as many bytes as the input has numbers.
  package func load(_ pixels: Pixels) {
    let id = network.inputs[0]
    let width = network[id].shape.channels * schedule.extents.widths[id.index]
    let height = schedule.extents.rows[id.index] / schedule.extents.widths[id.index]
    precondition(pixels.bytes.count == width * height)
    let target = unsafe rows(of: id).base
    unsafe pixels.bytes.withUnsafeBufferPointer { bytes in
      guard let source = bytes.baseAddress else { return }
      inChunks(height) { range, _ in
        // SAFETY: whole rows of both, inside their `height` rows of `width`.
        var params = unsafe martlet_u8_to_f32_params(
          m: range.count, width: width, source: source + range.lowerBound * width,
          source_stride: width, destination: target + range.lowerBound * width,
          destination_stride: width)
        unsafe kernels.pointee.u8_to_f32(&params)
      }
    }
  }
}
