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

enum {
  /// Outputs that share a copy.
  LANES = 16,
  /// Output pixels of a block.
  PIXELS = 8,
  /// Input pixels in a copied row: 32 output pixels at stride 1, 16 at stride 2, and the kernel's reach.
  WINDOW = 40,
  KERNEL = 7,
};

/// Inputs `[kernel row][pixel][output]`.
typedef float window[KERNEL][WINDOW][LANES];

/// Weights `[tap][output]`.
typedef float taps[KERNEL * KERNEL][LANES];

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

/// Sixteen outputs or fewer of a span, with what they need.
typedef struct lane_group {
  ptrdiff_t output;
  ptrdiff_t lanes;
  float32x4_t bias[4];
  taps weights;
  window inputs;
} lane_group;

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

/// Whether eight output pixels from `first` of the span on can read their inputs in place.
MARTLET_INLINE bool lies_inside(
  const martlet_depthwise_f32_params *p, int kernel, const lane_group *g, ptrdiff_t first
) {
  ptrdiff_t start = p->first + first - kernel / 2;
  return g->lanes == LANES && p->count - first >= PIXELS && start >= 0 &&
         start + PIXELS - 1 + kernel <= p->width;
}

/// All pixels of the span for 16 outputs, for a kernel known to the compiler.
MARTLET_INLINE void run_group(
  const martlet_depthwise_f32_params *p, int kernel, int stride, bool in_place, lane_group *g
) {
  copy_pixels(
    p->weights, p->channels * p->multiplier, kernel * kernel, g->output, g->lanes, 1, g->weights);
  for (int h = 0; h < 4; ++h) {
    g->bias[h] =
      p->bias ? martlet_neon_load(p->bias + g->output, 4 * h, g->lanes) : vdupq_n_f32(0.0f);
  }
  ptrdiff_t i = 0;
  while (i < p->count) {
    if (in_place && lies_inside(p, kernel, g, i)) {
      pixels_in_place(p, kernel, g, i);
      i += PIXELS;
    } else {
      ptrdiff_t reach = in_place ? PIXELS : 32 / stride;
      ptrdiff_t count = p->count - i < reach ? p->count - i : reach;
      window_pixels(p, kernel, stride, g, i, count);
      i += count;
    }
  }
}

/// Whether blocks away from the borders read their inputs where they lie: at stride 1, unless the pixels under a wide
/// kernel fall on so few cache sets that they throw each other out: pitches of 512 bytes and multiples. The rule is
/// that of avx2/; no board has judged it yet.
MARTLET_INLINE bool reads_in_place(
  const martlet_depthwise_f32_params *p, int kernel, int stride
) {
  if (stride != 1 || p->multiplier != 1) return false;
  if (kernel > 3 && p->pixel_stride % 128 == 0) return false;
  for (ptrdiff_t r = 0; r < kernel; ++r) {
    if (!p->rows[r]) return false;
  }
  return true;
}

/// All pixels and outputs of the span.
MARTLET_INLINE void run_span(const martlet_depthwise_f32_params *p, int kernel, int stride) {
  lane_group g;
  ptrdiff_t outputs = p->channels * p->multiplier;
  bool in_place = reads_in_place(p, kernel, stride);
  for (g.output = 0; g.output < outputs; g.output += LANES) {
    g.lanes = outputs - g.output < LANES ? outputs - g.output : LANES;
    run_group(p, kernel, stride, in_place, &g);
  }
}

static void span_3_1(const martlet_depthwise_f32_params *p) { run_span(p, 3, 1); }
static void span_3_2(const martlet_depthwise_f32_params *p) { run_span(p, 3, 2); }
static void span_7_1(const martlet_depthwise_f32_params *p) { run_span(p, 7, 1); }
static void span_7_2(const martlet_depthwise_f32_params *p) { run_span(p, 7, 2); }

/// One output of one pixel of any kernel.
static float single(const martlet_depthwise_f32_params *p, ptrdiff_t start, ptrdiff_t o) {
  ptrdiff_t outputs = p->channels * p->multiplier;
  float y = p->bias ? p->bias[o] : 0.0f;
  for (ptrdiff_t r = 0; r < p->kernel; ++r) {
    for (ptrdiff_t s = 0; s < p->kernel; ++s) {
      ptrdiff_t x = start + s;
      bool inside = p->rows[r] && x >= 0 && x < p->width;
      float input = inside ? p->rows[r][x * p->pixel_stride + o / p->multiplier] : 0.0f;
      y = __builtin_fmaf(input, p->weights[(r * p->kernel + s) * outputs + o], y);
    }
  }
  return vgetq_lane_f32(martlet_neon_activate(vdupq_n_f32(y), p->activation), 0);
}

static void span_any(const martlet_depthwise_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    for (ptrdiff_t o = 0; o < p->channels * p->multiplier; ++o) {
      p->destination[i * p->destination_stride + o] = single(p, start, o);
    }
  }
}

void martlet_depthwise_f32_neon(const martlet_depthwise_f32_params *p) {
  if (p->kernel == 3 && p->stride == 1) {
    span_3_1(p);
  } else if (p->kernel == 3 && p->stride == 2) {
    span_3_2(p);
  } else if (p->kernel == 7 && p->stride == 1) {
    span_7_1(p);
  } else if (p->kernel == 7 && p->stride == 2) {
    span_7_2(p);
  } else {
    span_any(p);
  }
}

#endif
