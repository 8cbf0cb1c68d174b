// Parameters of convolutions over a map: depthwise, and the patches of dense ones.

#ifndef MARTLET_KERNELS_MAPS_H
#define MARTLET_KERNELS_MAPS_H

#include "basics.h"

/// A span of one output row of a depthwise convolution, zero padding `kernel / 2`, channels last.
///
/// `y[x][o] = bias[o]`, then `fma(input[stride x + s − kernel / 2][o / multiplier], weight[r · kernel + s][o], y)`
/// over kernel rows `r`, then columns `s`; inputs outside the map are +0. Then the activation. Rows
/// may be read over their whole width. Fast where `kernel` is 3 or 7, `stride` 1 or 2 and `count` a multiple of 8.
typedef struct martlet_depthwise_f32_params {
  /// Side of the kernel, odd.
  ptrdiff_t kernel;
  ptrdiff_t stride;
  /// Input channels; outputs are `channels · multiplier`.
  ptrdiff_t channels;
  ptrdiff_t multiplier;
  /// `[kernel]` pointers to input rows `[width, channels]`; NULL where the row lies outside the map.
  const float *MARTLET_NULLABLE const *MARTLET_NONNULL rows;
  /// Pixels in an input row.
  ptrdiff_t width;
  /// Elements from one input pixel to the next.
  ptrdiff_t pixel_stride;
  /// `float32Taps`: `[kernel · kernel, outputs]`.
  const float *MARTLET_NONNULL weights;
  /// `[outputs]`; NULL is all +0.
  const float *MARTLET_NULLABLE bias;
  martlet_activation activation;
  /// First output pixel computed, and how many.
  ptrdiff_t first;
  ptrdiff_t count;
  /// Output pixel `first`, `[count, outputs]`.
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_depthwise_f32_params;

/// The patches under a span of one output row of a dense convolution, zero padding `kernel / 2`:
/// `[count][kernel row][kernel column][channel]`, so that a product with `float32Patches` is the convolution.
typedef struct martlet_gather_patches_f32_params {
  /// Side of the kernel, odd.
  ptrdiff_t kernel;
  ptrdiff_t stride;
  ptrdiff_t channels;
  /// `[kernel]` pointers to input rows `[width, channels]`; NULL where the row lies outside the map.
  const float *MARTLET_NULLABLE const *MARTLET_NONNULL rows;
  ptrdiff_t width;
  /// Elements from one input pixel to the next.
  ptrdiff_t pixel_stride;
  /// First output pixel, and how many.
  ptrdiff_t first;
  ptrdiff_t count;
  /// `[count, kernel · kernel · channels]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_gather_patches_f32_params;

#endif
