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

/// A part of the 16 outputs that are computed together.
typedef __m256 lanes_part;

#include "../depthwise_window.h"

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

/// A part of the bias of some outputs, 0 where there is none.
MARTLET_INLINE lanes_part bias_part(const martlet_depthwise_f32_params *p, int h, ptrdiff_t output, ptrdiff_t lanes) {
  return p->bias ? martlet_avx2_load(p->bias + output, 8 * h, lanes) : _mm256_setzero_ps();
}

/// The activation of one output.
MARTLET_INLINE float activated(const martlet_depthwise_f32_params *p, float y) {
  return _mm256_cvtss_f32(martlet_avx2_activate(_mm256_set1_ps(y), p->activation));
}

#include "../depthwise_spans.h"

void martlet_depthwise_f32_avx2(const martlet_depthwise_f32_params *p) { depthwise(p); }

MARTLET_END_TARGET

#endif
