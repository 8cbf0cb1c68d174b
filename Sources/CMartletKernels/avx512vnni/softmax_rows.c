#if defined(__x86_64__)

// Softmax: one pass finds the greatest scaled element, one writes exponentials and sums them, one divides.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

#include "avx512vnni_math.h"

/// The greatest of x · scale; NaN is passed over.
static float highest_of(const float *x, ptrdiff_t length, float scale) {
  __m512 lowest = _mm512_set1_ps(-__builtin_inff());
  __m512 factor = _mm512_set1_ps(scale);
  __m512 highest[2] = {lowest, lowest};
  ptrdiff_t j = 0;
  for (; j + 32 <= length; j += 32) {
    MARTLET_UNROLL
    for (int h = 0; h < 2; ++h) {
      __m512 v = _mm512_mul_ps(_mm512_loadu_ps(x + j + 16 * h), factor);
      highest[h] = _mm512_max_ps(v, highest[h]);
    }
  }
  for (; j < length; j += 16) {
    __mmask16 mask = martlet_avx512vnni_mask(length - j);
    __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + j), factor);
    // Absent lanes must not win.
    highest[0] = _mm512_mask_max_ps(highest[0], mask, v, highest[0]);
  }
  return martlet_avx512vnni_highest(_mm512_max_ps(highest[0], highest[1]));
}

/// exp(x · scale − highest) of sixteen elements.
MARTLET_INLINE __m512 exponential(__m512 x, __m512 scale, __m512 highest) {
  return martlet_avx512vnni_exp(_mm512_sub_ps(_mm512_mul_ps(x, scale), highest));
}

/// Replaces each x by exp(x · scale − highest) and gives the sum.
static float exponentiate(float *x, ptrdiff_t length, float scale, float highest) {
  __m512 sum = _mm512_setzero_ps();
  __m512 factor = _mm512_set1_ps(scale);
  __m512 top = _mm512_set1_ps(highest);
  ptrdiff_t j = 0;
  for (; j + 64 <= length; j += 64) {
    __m512 e[4];
    MARTLET_UNROLL
    for (int h = 0; h < 4; ++h) e[h] = exponential(_mm512_loadu_ps(x + j + 16 * h), factor, top);
    MARTLET_UNROLL
    for (int h = 0; h < 4; ++h) {
      _mm512_storeu_ps(x + j + 16 * h, e[h]);
      sum = _mm512_add_ps(sum, e[h]);
    }
  }
  for (; j < length; j += 16) {
    __mmask16 mask = martlet_avx512vnni_mask(length - j);
    __m512 e = exponential(_mm512_maskz_loadu_ps(mask, x + j), factor, top);
    e = _mm512_maskz_mov_ps(mask, e);
    _mm512_mask_storeu_ps(x + j, mask, e);
    sum = _mm512_add_ps(sum, e);
  }
  return martlet_avx512vnni_sum(sum);
}

void martlet_softmax_rows_avx512vnni(const martlet_softmax_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    float *x = p->values + i * p->stride;
    ptrdiff_t length = p->first_length + i * p->length_increment;
    float highest = highest_of(x, length, p->scale);
    __m512 inverse = _mm512_set1_ps(1.0f / exponentiate(x, length, p->scale, highest));
    ptrdiff_t j = 0;
    for (; j + 16 <= length; j += 16) {
      _mm512_storeu_ps(x + j, _mm512_mul_ps(_mm512_loadu_ps(x + j), inverse));
    }
    if (j < length) {
      __mmask16 mask = martlet_avx512vnni_mask(length - j);
      __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + j), inverse);
      _mm512_mask_storeu_ps(x + j, mask, v);
    }
    for (j = length; j < p->width; ++j) x[j] = 0.0f;
  }
}

MARTLET_END_TARGET

#endif
