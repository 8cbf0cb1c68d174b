// Tables of kernels with one entry that is slightly wrong.

#ifndef FAULTY_KERNELS_H
#define FAULTY_KERNELS_H

#include "martlet_kernels.h"

/// What is planted.
typedef enum faulty_kernel {
  /// The last output of every tile of the 8-bit product comes out one unit in the last place too high.
  FAULTY_PRODUCT = 0,
  /// The first code of every dynamically quantized row is rounded away: one more, where it is below 255.
  FAULTY_ROUNDING,
  /// One output channel of a depthwise convolution, one unit in the last place.
  FAULTY_DEPTHWISE,
  /// One weight of every softmax row, one unit in the last place.
  FAULTY_SOFTMAX,
  /// The first element of every RMS norm, one unit in the last place.
  FAULTY_RMS_NORM,
  /// Rotations of a single row, as in decoding, are left out.
  FAULTY_DECODING,
  FAULTY_COUNT,
} faulty_kernel;

/// The table of `base` with a fault. Constant once made; one table a fault.
const martlet_kernels *MARTLET_NONNULL faulty_kernels(
  const martlet_kernels *MARTLET_NONNULL base, faulty_kernel fault);

#endif
