// The window of a depthwise convolution: the inputs under some pixels of 16 outputs, copied, with +0 outside the map.
// Include it behind `lanes_part`, the vector type; `copy_pixels` follows.

#ifndef MARTLET_DEPTHWISE_WINDOW_H
#define MARTLET_DEPTHWISE_WINDOW_H

enum {
  /// Outputs that share a copy.
  LANES = 16,
  /// Output pixels of a block.
  PIXELS = 8,
  /// Input pixels in a copied row: 32 output pixels at stride 1, 16 at stride 2, and the kernel's reach.
  WINDOW = 40,
  KERNEL = 7,
  /// Vectors of 16 outputs.
  PARTS = LANES * sizeof(float) / sizeof(lanes_part),
};

/// Inputs `[kernel row][pixel][output]`.
typedef float window[KERNEL][WINDOW][LANES];

/// Weights `[tap][output]`.
typedef float taps[KERNEL * KERNEL][LANES];

/// Copies the inputs of `lanes` outputs from `o` on at `pixels` neighboring pixels. Each instruction set has its own.
MARTLET_INLINE void copy_pixels(
  const float *row, ptrdiff_t pitch, ptrdiff_t pixels, ptrdiff_t o, ptrdiff_t lanes,
  ptrdiff_t multiplier, float (*to)[LANES]);

/// Fills `pixels` pixels of every row of the window, from input pixel `start` on, with +0 outside the map.
MARTLET_INLINE void fill(
  const martlet_depthwise_f32_params *p, ptrdiff_t kernel, ptrdiff_t o, ptrdiff_t lanes,
  ptrdiff_t start, ptrdiff_t pixels, window inputs
) {
  ptrdiff_t before = start < 0 ? -start : 0;
  ptrdiff_t end = p->width - start < pixels ? p->width - start : pixels;
  for (ptrdiff_t r = 0; r < kernel; ++r) {
    const float *row = p->rows[r];
    if (!row || before >= end) {
      memset(inputs[r], 0, (size_t)pixels * sizeof inputs[r][0]);
      continue;
    }
    memset(inputs[r], 0, (size_t)before * sizeof inputs[r][0]);
    copy_pixels(
      row + (start + before) * p->pixel_stride, p->pixel_stride, end - before, o, lanes,
      p->multiplier, inputs[r] + before);
    memset(inputs[r] + end, 0, (size_t)(pixels - end) * sizeof inputs[r][0]);
  }
}

/// Sixteen outputs or fewer of a span, with what they need.
typedef struct lane_group {
  ptrdiff_t output;
  ptrdiff_t lanes;
  lanes_part bias[PARTS];
  taps weights;
  window inputs;
} lane_group;

#endif
