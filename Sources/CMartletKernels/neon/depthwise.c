#if defined(__aarch64__)

// Depthwise convolution, for eight pixels × four outputs at a time:
//
//   for kernel row r, for input pixel j, for kernel column s with a pixel i = (j − s) / stride of the eight:
//     y[i] = fma(input[r][j], weight[r][s], y[i])
//
// An input is loaded once for all pixels it lies under, and a kernel row's weights stay in registers; a pixel still meets
// its taps in ascending order. In general the inputs under some pixels of 16 outputs are first copied into a window in the
// level-1 cache, one input for each output, with +0 outside the map: then borders, multipliers and tails need no code of
// their own. The most frequent layers read their inputs in place instead.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

/// A part of the 16 outputs that are computed together.
typedef float32x4_t lanes_part;

#include "../depthwise_window.h"

/// Copies the inputs of `lanes` outputs from `o` on at `pixels` neighboring pixels.
MARTLET_INLINE void copy_pixels(
  const float *row, ptrdiff_t pitch, ptrdiff_t pixels, ptrdiff_t o, ptrdiff_t lanes,
  ptrdiff_t multiplier, float (*to)[LANES]
) {
  if (lanes == LANES && multiplier == 1) {
    for (ptrdiff_t q = 0; q < pixels; ++q) {
      const float *from = row + q * pitch + o;
      MARTLET_UNROLL
      for (int h = 0; h < 4; ++h) vst1q_f32(to[q] + 4 * h, vld1q_f32(from + 4 * h));
    }
  } else if (lanes == LANES && multiplier == 2) {
    for (ptrdiff_t q = 0; q < pixels; ++q) {
      MARTLET_UNROLL
      for (int h = 0; h < 2; ++h) {
        float32x4_t four = vld1q_f32(row + q * pitch + o / 2 + 4 * h);
        vst1q_f32(to[q] + 8 * h, vzip1q_f32(four, four));
        vst1q_f32(to[q] + 8 * h + 4, vzip2q_f32(four, four));
      }
    }
  } else {
    for (ptrdiff_t q = 0; q < pixels; ++q) {
      for (ptrdiff_t l = 0; l < LANES; ++l) {
        to[q][l] = l < lanes ? row[q * pitch + (o + l) / multiplier] : 0.0f;
      }
    }
  }
}

/// Eight pixels × four outputs: `rows` point at the first input of each kernel row, `pitch` apart.
MARTLET_INLINE void accumulate(
  int kernel, int stride, const float *const *rows, ptrdiff_t pitch, const float (*weights)[LANES],
  float32x4_t y[PIXELS]
) {
  for (int r = 0; r < kernel; ++r) {
    float32x4_t w[KERNEL];
    MARTLET_UNROLL
    for (int s = 0; s < kernel; ++s) w[s] = vld1q_f32(weights[r * kernel + s]);
    const float *row = rows[r];
    MARTLET_UNROLL
    for (int j = 0; j < (PIXELS - 1) * stride + kernel; ++j) {
      float32x4_t x = vld1q_f32(row + j * pitch);
      MARTLET_UNROLL
      for (int s = 0; s < kernel; ++s) {
        int i = (j - s) / stride;
        if (j < s || (j - s) % stride != 0 || i >= PIXELS) continue;
        y[i] = vfmaq_f32(y[i], x, w[s]);
      }
    }
  }
}

/// Activation and store of `live` pixels of outputs 4 h ..< lanes, at most four.
MARTLET_INLINE void finish(
  const martlet_depthwise_f32_params *p, float32x4_t y[PIXELS], int h, ptrdiff_t lanes,
  ptrdiff_t live, float *to
) {
  if (p->activation != MARTLET_ACTIVATION_NONE) {
    MARTLET_UNROLL
    for (int i = 0; i < PIXELS; ++i) y[i] = martlet_neon_activate(y[i], p->activation);
  }
  MARTLET_UNROLL
  for (int i = 0; i < PIXELS; ++i) {
    if (i >= live) break;
    martlet_neon_store(to + i * p->destination_stride, 4 * h, lanes, y[i]);
  }
}

/// The inner loops at their widest, apart so that their instructions can be counted.
__attribute__((noinline)) static void martlet_loop_depthwise_7_neon(
  const float *const *rows, ptrdiff_t pitch, const float (*weights)[LANES], float32x4_t bias,
  float32x4_t y[PIXELS]
) {
  float32x4_t sums[PIXELS];
  MARTLET_UNROLL
  for (int q = 0; q < PIXELS; ++q) sums[q] = bias;
  accumulate(7, 1, rows, pitch, weights, sums);
  MARTLET_UNROLL
  for (int q = 0; q < PIXELS; ++q) y[q] = sums[q];
}

/// Eight pixels × four outputs from the bias on.
MARTLET_INLINE void eight_pixels(
  int kernel, int stride, const float *const *rows, ptrdiff_t pitch, const float (*weights)[LANES],
  float32x4_t bias, float32x4_t y[PIXELS]
) {
  if (kernel == 7 && stride == 1) {
    martlet_loop_depthwise_7_neon(rows, pitch, weights, bias, y);
    return;
  }
  MARTLET_UNROLL
  for (int q = 0; q < PIXELS; ++q) y[q] = bias;
  accumulate(kernel, stride, rows, pitch, weights, y);
}

/// `count` output pixels from `first` of the span on, at most a window of them, through the copy.
MARTLET_INLINE void window_pixels(
  const martlet_depthwise_f32_params *p, int kernel, int stride, lane_group *g, ptrdiff_t first,
  ptrdiff_t count
) {
  ptrdiff_t blocks = (count + PIXELS - 1) / PIXELS;
  fill(
    p, kernel, g->output, g->lanes, (p->first + first) * stride - kernel / 2,
    (blocks * PIXELS - 1) * stride + kernel, g->inputs);
  for (ptrdiff_t i = 0; i < count; i += PIXELS) {
    for (int h = 0; h < 4 && 4 * h < g->lanes; ++h) {
      const float *rows[KERNEL];
      for (int r = 0; r < kernel; ++r) rows[r] = g->inputs[r][i * stride] + 4 * h;
      float32x4_t y[PIXELS];
      eight_pixels(
        kernel, stride, rows, LANES, (const float (*)[LANES])&g->weights[0][4 * h], g->bias[h], y);
      finish(
        p, y, h, g->lanes, count - i,
        p->destination + (first + i) * p->destination_stride + g->output);
    }
  }
}

/// Eight output pixels from `first` of the span on whose inputs all lie inside the map.
MARTLET_INLINE void pixels_in_place(
  const martlet_depthwise_f32_params *p, int kernel, const lane_group *g, ptrdiff_t first
) {
  ptrdiff_t start = p->first + first - kernel / 2;
  for (int h = 0; h < 4; ++h) {
    const float *rows[KERNEL];
    for (int r = 0; r < kernel; ++r) {
      rows[r] = p->rows[r] + start * p->pixel_stride + g->output + 4 * h;
    }
    float32x4_t y[PIXELS];
    eight_pixels(
      kernel, 1, rows, p->pixel_stride, (const float (*)[LANES])&g->weights[0][4 * h], g->bias[h],
      y);
    finish(
      p, y, h, LANES, PIXELS, p->destination + first * p->destination_stride + g->output);
  }
}

/// A part of the bias of some outputs, 0 where there is none.
MARTLET_INLINE lanes_part bias_part(const martlet_depthwise_f32_params *p, int h, ptrdiff_t output, ptrdiff_t lanes) {
  return p->bias ? martlet_neon_load(p->bias + output, 4 * h, lanes) : vdupq_n_f32(0.0f);
}

/// The activation of one output.
MARTLET_INLINE float activated(const martlet_depthwise_f32_params *p, float y) {
  return vgetq_lane_f32(martlet_neon_activate(vdupq_n_f32(y), p->activation), 0);
}

#include "../depthwise_spans.h"

void martlet_depthwise_f32_neon(const martlet_depthwise_f32_params *p) { depthwise(p); }

#endif
