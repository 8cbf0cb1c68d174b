#if defined(__x86_64__)

// Rows to 8 bits. The zero point is added to the rounded integer, and packing to 8 bits with saturation does the
// clamping: what lies beyond the range of 32 bits, and NaN, becomes the smallest integer and with it 0, so that a fixed
// range bounds large values first. Packing works within 128-bit lanes; one permutation puts all in order.

#include <float.h>
#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

#include "avx512vnni_math.h"

enum {
  /// Elements that become one register of codes.
  STEP = 64,
};

/// The codes of sixteen elements, before clamping. `bounded`: no product leaves the range of 32 bits.
MARTLET_INLINE __m512i codes_of(__m512 x, __m512 inverse, __m512i zero, bool bounded) {
  __m512 scaled = _mm512_mul_ps(x, inverse);
  if (!bounded) scaled = _mm512_min_ps(_mm512_set1_ps(512.0f), scaled);
  return _mm512_add_epi32(_mm512_cvtps_epi32(scaled), zero);
}

/// Up to 64 codes from `x` on; elements beyond `count` come as +0.
MARTLET_INLINE __m512i codes_from(
  const float *x, ptrdiff_t count, __m512 inverse, __m512i zero, bool bounded
) {
  __m512i codes[4];
  MARTLET_UNROLL
  for (int q = 0; q < 4; ++q) {
    ptrdiff_t left = count - 16 * q;
    __m512 v = left >= 16  ? _mm512_loadu_ps(x + 16 * q)
               : left > 0 ? _mm512_maskz_loadu_ps(martlet_avx512vnni_mask(left), x + 16 * q)
                          : _mm512_setzero_ps();
    codes[q] = codes_of(v, inverse, zero, bounded);
  }
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(
    order,
    _mm512_packus_epi16(
      _mm512_packs_epi32(codes[0], codes[1]), _mm512_packs_epi32(codes[2], codes[3])));
}

MARTLET_INLINE void quantize_row(
  const martlet_quantize_rows_params *p, ptrdiff_t i, float scale, int32_t zero, bool bounded
) {
  const float *x = p->source + i * p->source_stride;
  uint8_t *q = p->destination + i * p->destination_stride;
  __m512 inverse = _mm512_set1_ps(1.0f / scale);
  __m512i shift = _mm512_set1_epi32(zero);
  ptrdiff_t j = 0;
  for (; j + STEP <= p->k; j += STEP) {
    _mm512_storeu_si512(q + j, codes_from(x + j, STEP, inverse, shift, bounded));
  }
  if (j < p->k) {
    uint8_t bytes[STEP];
    _mm512_storeu_si512(bytes, codes_from(x + j, p->k - j, inverse, shift, bounded));
    memcpy(q + j, bytes, (size_t)(p->k - j));
  }
  memset(q + p->k, 0, (size_t)(p->padded_k - p->k));
  p->row_scales[i] = scale;
  p->row_zeros[i] = zero;
}

/// The smallest of 0 and the row, and the greatest; NaN is passed over.
static void range_of(const float *x, ptrdiff_t k, float *lowest, float *highest) {
  __m512 low[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  __m512 high[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  ptrdiff_t j = 0;
  for (; j + 32 <= k; j += 32) {
    MARTLET_UNROLL
    for (int h = 0; h < 2; ++h) {
      __m512 v = _mm512_loadu_ps(x + j + 16 * h);
      low[h] = _mm512_min_ps(v, low[h]);
      high[h] = _mm512_max_ps(v, high[h]);
    }
  }
  for (; j < k; j += 16) {
    __m512 v = _mm512_maskz_loadu_ps(martlet_avx512vnni_mask(k - j), x + j);
    low[0] = _mm512_min_ps(v, low[0]);
    high[0] = _mm512_max_ps(v, high[0]);
  }
  *lowest = martlet_avx512vnni_lowest(_mm512_min_ps(low[0], low[1]));
  *highest = martlet_avx512vnni_highest(_mm512_max_ps(high[0], high[1]));
}

/// clamp(rint(value), 0, 255); NaN becomes 0.
static int32_t zero_point(float value) {
  value = value > 0.0f ? value : 0.0f;
  value = value < 255.0f ? value : 255.0f;
  return (int32_t)__builtin_rintf(value);
}

void martlet_quantize_rows_dynamic_avx512vnni(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    float lowest, highest;
    range_of(p->source + i * p->source_stride, p->k, &lowest, &highest);
    float scale = (highest - lowest) / 255.0f;
    if (scale >= FLT_MIN) {
      // The range is the row's own: a scaled element is at most a little more than 255.
      quantize_row(p, i, scale, zero_point(-lowest / scale), true);
    } else {
      quantize_row(p, i, 1.0f, 0, false);
    }
  }
}

void martlet_quantize_rows_fixed_avx512vnni(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    quantize_row(p, i, p->fixed_scale, p->fixed_zero, false);
  }
}

MARTLET_END_TARGET

#endif
