#if defined(__x86_64__)

// Depthwise convolution, for eight pixels × eight outputs at a time:
//
//   for kernel row r, for kernel column s, for pixel i:
//     y[i] = fma(input[r][stride · i + s], weight[r][s], y[i])
//
// Eight chains of fused multiply-adds advance together, which hides their latency. In general the inputs under some
// pixels of 16 outputs are first copied into a window in the level-1 cache, one input for each output, with +0
// outside the map: then borders, strides, multipliers and tails need no code of their own, and pixels whose
// distance is a multiple of a large power of two do not throw each other out of the cache. The most frequent
// layers read their inputs in place instead.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

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

/// Copies the inputs of `lanes` outputs from `o` on at `pixels` neighboring pixels, and asks for those of the next 16
/// outputs, which the caches would otherwise not see coming.
MARTLET_INLINE void copy_pixels(
  const float *row, ptrdiff_t pitch, ptrdiff_t pixels, ptrdiff_t o, ptrdiff_t lanes,
  ptrdiff_t multiplier, float (*to)[LANES]
) {
  if (lanes == LANES && multiplier == 1) {
    for (ptrdiff_t q = 0; q < pixels; ++q) {
      const float *from = row + q * pitch + o;
      _mm_prefetch((const char *)(from + LANES), _MM_HINT_T1);
      _mm256_storeu_ps(to[q], _mm256_loadu_ps(from));
      _mm256_storeu_ps(to[q] + 8, _mm256_loadu_ps(from + 8));
    }
  } else if (lanes == LANES && multiplier == 2) {
    const __m256i low = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    const __m256i high = _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7);
    for (ptrdiff_t q = 0; q < pixels; ++q) {
      const float *from = row + q * pitch + o / 2;
      _mm_prefetch((const char *)(from + LANES), _MM_HINT_T1);
      __m256 eight = _mm256_loadu_ps(from);
      _mm256_storeu_ps(to[q], _mm256_permutevar8x32_ps(eight, low));
      _mm256_storeu_ps(to[q] + 8, _mm256_permutevar8x32_ps(eight, high));
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

/// Eight pixels × eight outputs.
MARTLET_INLINE void accumulate(
  int kernel, int stride, const float (*inputs)[WINDOW][LANES], const float (*weights)[LANES],
  __m256 y[PIXELS]
) {
  for (int r = 0; r < kernel; ++r) {
    const float *row = inputs[r][0];
    const float *tap = weights[r * kernel];
    MARTLET_UNROLL
    for (int s = 0; s < kernel; ++s) {
      __m256 w = _mm256_loadu_ps(tap + s * LANES);
      MARTLET_UNROLL
      for (int i = 0; i < PIXELS; ++i) {
        y[i] = _mm256_fmadd_ps(_mm256_loadu_ps(row + (stride * i + s) * LANES), w, y[i]);
      }
    }
  }
}

/// As `accumulate` at stride 1, on inputs where they lie. A pixel's address is one of three bases plus 0…4 pitches, which
/// the addressing modes give for nothing.
MARTLET_INLINE void accumulate_in_place(
  int kernel, const float *const *rows, ptrdiff_t offset, ptrdiff_t pitch,
  const float (*weights)[LANES], __m256 y[PIXELS]
) {
  for (int r = 0; r < kernel; ++r) {
    const float *bases[3];
    for (int b = 0; b < 3; ++b) {
      bases[b] = rows[r] + offset + 5 * b * pitch;
      MARTLET_OPAQUE(bases[b]);
    }
    const float *tap = weights[r * kernel];
    MARTLET_UNROLL
    for (int s = 0; s < kernel; ++s) {
      __m256 w = _mm256_loadu_ps(tap + s * LANES);
      MARTLET_UNROLL
      for (int i = 0; i < PIXELS; ++i) {
        const float *input = bases[(i + s) / 5] + (i + s) % 5 * pitch;
        y[i] = _mm256_fmadd_ps(_mm256_loadu_ps(input), w, y[i]);
      }
    }
  }
}

/// Activation and store of `live` pixels of outputs 8 h ..< lanes, at most eight.
MARTLET_INLINE void finish(
  const martlet_depthwise_f32_params *p, __m256 y[PIXELS], int h, ptrdiff_t lanes,
  ptrdiff_t live, float *to
) {
  if (p->activation != MARTLET_ACTIVATION_NONE) {
    MARTLET_UNROLL
    for (int i = 0; i < PIXELS; ++i) y[i] = martlet_avx2_activate(y[i], p->activation);
  }
  MARTLET_UNROLL
  for (int i = 0; i < PIXELS; ++i) {
    if (i >= live) break;
    martlet_avx2_store(to + i * p->destination_stride, 8 * h, lanes, y[i]);
  }
}

/// Sixteen outputs or fewer of a span, with what they need.
typedef struct lane_group {
  ptrdiff_t output;
  ptrdiff_t lanes;
  __m256 bias[2];
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
    for (int h = 0; h < 2 && 8 * h < g->lanes; ++h) {
      __m256 y[PIXELS];
      MARTLET_UNROLL
      for (int q = 0; q < PIXELS; ++q) y[q] = g->bias[h];
      accumulate(
        kernel, stride, (const float (*)[WINDOW][LANES])&g->inputs[0][i * stride][8 * h],
        (const float (*)[LANES])&g->weights[0][8 * h], y);
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
  for (int h = 0; h < 2; ++h) {
    __m256 y[PIXELS];
    MARTLET_UNROLL
    for (int q = 0; q < PIXELS; ++q) y[q] = g->bias[h];
    accumulate_in_place(
      kernel, p->rows, start * p->pixel_stride + g->output + 8 * h, p->pixel_stride,
      (const float (*)[LANES])&g->weights[0][8 * h], y);
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
  for (int h = 0; h < 2; ++h) {
    g->bias[h] =
      p->bias ? martlet_avx2_load(p->bias + g->output, 8 * h, g->lanes) : _mm256_setzero_ps();
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

/// Whether blocks away from the borders read their inputs where they lie. At stride 1 that is faster, unless the
/// pixels under a wide kernel fall on so few cache sets that they throw each other out: pitches of 512 bytes and
/// multiples. On Zen 3, 7 × 7: 35 GMAC/s in place at 96 channels against 23 copied, but 20 against 25 at 384.
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
  return _mm256_cvtss_f32(martlet_avx2_activate(_mm256_set1_ps(y), p->activation));
}

static void span_any(const martlet_depthwise_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    for (ptrdiff_t o = 0; o < p->channels * p->multiplier; ++o) {
      p->destination[i * p->destination_stride + o] = single(p, start, o);
    }
  }
}

void martlet_depthwise_f32_avx2(const martlet_depthwise_f32_params *p) {
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

MARTLET_END_TARGET

#endif
