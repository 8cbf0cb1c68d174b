#if defined(__x86_64__)

// Depthwise convolution, and the patches of a dense one.
//
// Eight neighboring output pixels × eight outputs are computed together. In each kernel row every input pixel
// is loaded once and meets all the taps it has in the block:
//
//   for kernel row r, for input pixel j, for output pixel i with 0 ≤ j − stride · i < kernel:
//     y[i] = fma(input[j], weight[r][j − stride · i], y[i])
//
// so that the taps of an output still come in ascending order. At the borders the same block runs with a
// check on j: an input outside the map is outside for every output.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

/// Output pixels of a block.
enum { PIXELS = 8 };

/// The inputs of eight outputs: eight channels, or four channels twice each.
MARTLET_INLINE __m256 load_inputs(const float *channels, int multiplier) {
  if (multiplier == 1) return _mm256_loadu_ps(channels);
  __m256 four = _mm256_broadcast_ps((const __m128 *)channels);
  return _mm256_permutevar_ps(four, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}

/// Eight outputs from `o` on of `live` output pixels; the first tap of the first lies at input `start`.
MARTLET_INLINE void block(
  const martlet_depthwise_f32_params *p, int kernel, int stride, int multiplier, bool checked,
  ptrdiff_t start, ptrdiff_t o, ptrdiff_t live, float *destination
) {
  ptrdiff_t outputs = p->channels * multiplier;
  __m256 y[PIXELS];
  __m256 bias = p->bias ? _mm256_loadu_ps(p->bias + o) : _mm256_setzero_ps();
  MARTLET_UNROLL
  for (int i = 0; i < PIXELS; ++i) y[i] = bias;
  for (int r = 0; r < kernel; ++r) {
    const float *row = p->rows[r];
    if (!row) continue;
    const float *input = row + start * p->pixel_stride + o / multiplier;
    const float *weights = p->weights + r * kernel * outputs + o;
    MARTLET_UNROLL
    for (int j = 0; j < (PIXELS - 1) * stride + kernel; ++j) {
      if (checked && (start + j < 0 || start + j >= p->width)) continue;
      __m256 x = load_inputs(input + j * p->pixel_stride, multiplier);
      MARTLET_UNROLL
      for (int i = 0; i < PIXELS; ++i) {
        int s = j - stride * i;
        if (s < 0 || s >= kernel) continue;
        y[i] = _mm256_fmadd_ps(x, _mm256_loadu_ps(weights + s * outputs), y[i]);
      }
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < PIXELS; ++i) {
    if (i >= live) break;
    _mm256_storeu_ps(
      destination + i * p->destination_stride + o, martlet_avx2_activate(y[i], p->activation));
  }
}

/// One output of one pixel.
static void single(
  const martlet_depthwise_f32_params *p, ptrdiff_t start, ptrdiff_t o, float *destination
) {
  ptrdiff_t outputs = p->channels * p->multiplier;
  float y = p->bias ? p->bias[o] : 0.0f;
  for (ptrdiff_t r = 0; r < p->kernel; ++r) {
    if (!p->rows[r]) continue;
    for (ptrdiff_t s = 0; s < p->kernel; ++s) {
      ptrdiff_t x = start + s;
      if (x < 0 || x >= p->width) continue;
      y = __builtin_fmaf(
        p->rows[r][x * p->pixel_stride + o / p->multiplier],
        p->weights[(r * p->kernel + s) * outputs + o], y);
    }
  }
  destination[o] = _mm256_cvtss_f32(martlet_avx2_activate(_mm256_set1_ps(y), p->activation));
}

/// All pixels of the span, for a kernel known to the compiler.
MARTLET_INLINE void span(
  const martlet_depthwise_f32_params *p, int kernel, int stride, int multiplier
) {
  ptrdiff_t outputs = p->channels * multiplier;
  ptrdiff_t whole = outputs / 8 * 8;
  for (ptrdiff_t i = 0; i < p->count; i += PIXELS) {
    ptrdiff_t start = (p->first + i) * stride - kernel / 2;
    ptrdiff_t live = p->count - i < PIXELS ? p->count - i : PIXELS;
    bool inside = start >= 0 && start + (PIXELS - 1) * stride + kernel <= p->width;
    float *destination = p->destination + i * p->destination_stride;
    if (inside) {
      for (ptrdiff_t o = 0; o < whole; o += 8) {
        block(p, kernel, stride, multiplier, false, start, o, live, destination);
      }
    } else {
      for (ptrdiff_t o = 0; o < whole; o += 8) {
        block(p, kernel, stride, multiplier, true, start, o, live, destination);
      }
    }
    for (ptrdiff_t q = 0; q < live; ++q) {
      for (ptrdiff_t o = whole; o < outputs; ++o) {
        single(p, start + q * stride, o, destination + q * p->destination_stride);
      }
    }
  }
}

static void span_3_1_1(const martlet_depthwise_f32_params *p) { span(p, 3, 1, 1); }
static void span_3_2_1(const martlet_depthwise_f32_params *p) { span(p, 3, 2, 1); }
static void span_7_1_1(const martlet_depthwise_f32_params *p) { span(p, 7, 1, 1); }
static void span_7_2_1(const martlet_depthwise_f32_params *p) { span(p, 7, 2, 1); }
static void span_3_1_2(const martlet_depthwise_f32_params *p) { span(p, 3, 1, 2); }
static void span_3_2_2(const martlet_depthwise_f32_params *p) { span(p, 3, 2, 2); }
static void span_7_1_2(const martlet_depthwise_f32_params *p) { span(p, 7, 1, 2); }
static void span_7_2_2(const martlet_depthwise_f32_params *p) { span(p, 7, 2, 2); }

/// Any other kernel.
static void span_any(const martlet_depthwise_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    for (ptrdiff_t o = 0; o < p->channels * p->multiplier; ++o) {
      single(p, start, o, p->destination + i * p->destination_stride);
    }
  }
}

void martlet_depthwise_f32_avx2(const martlet_depthwise_f32_params *p) {
  typedef void (*span_function)(const martlet_depthwise_f32_params *);
  // [kernel 3, 7][stride 1, 2][multiplier 1, 2]
  static const span_function spans[2][2][2] = {
    {{span_3_1_1, span_3_1_2}, {span_3_2_1, span_3_2_2}},
    {{span_7_1_1, span_7_1_2}, {span_7_2_1, span_7_2_2}},
  };
  bool known = (p->kernel == 3 || p->kernel == 7) && (p->stride == 1 || p->stride == 2) &&
               (p->multiplier == 1 || p->multiplier == 2);
  if (known) {
    spans[p->kernel == 7][p->stride - 1][p->multiplier - 1](p);
  } else {
    span_any(p);
  }
}

/// The taps of one kernel row under one output pixel: zeros, inputs, zeros.
MARTLET_INLINE void gather_row(
  const martlet_gather_patches_f32_params *p, const float *row, ptrdiff_t start, float *y
) {
  ptrdiff_t c = p->channels;
  for (ptrdiff_t s = 0; s < p->kernel; ++s, y += c) {
    ptrdiff_t x = start + s;
    if (!row || x < 0 || x >= p->width) {
      for (ptrdiff_t j = 0; j < c; ++j) y[j] = 0.0f;
    } else {
      for (ptrdiff_t j = 0; j < c; ++j) y[j] = row[x * p->pixel_stride + j];
    }
  }
}

void martlet_gather_patches_f32_avx2(const martlet_gather_patches_f32_params *p) {
  ptrdiff_t width = p->kernel * p->channels;
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    bool inside = start >= 0 && start + p->kernel <= p->width && p->pixel_stride == p->channels;
    for (ptrdiff_t r = 0; r < p->kernel; ++r) {
      const float *row = p->rows[r];
      float *y = p->destination + i * p->destination_stride + r * width;
      if (row && inside) {
        memcpy(y, row + start * p->pixel_stride, (size_t)width * sizeof *y);
      } else {
        gather_row(p, row, start, y);
      }
    }
  }
}

MARTLET_END_TARGET

#endif
