#if defined(__x86_64__)

// Rows of a cache to 16 or 8 bits and back.

#include <float.h>
#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

void martlet_f32_to_f16_avx2(const martlet_f32_to_f16_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    uint16_t *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 8) {
      __m128i halves =
        _mm256_cvtps_ph(martlet_avx2_load(x, j, p->width), _MM_FROUND_TO_NEAREST_INT);
      if (j + 8 <= p->width) {
        _mm_storeu_si128((__m128i *)(y + j), halves);
      } else {
        uint16_t rest[8];
        _mm_storeu_si128((__m128i *)rest, halves);
        memcpy(y + j, rest, (size_t)(p->width - j) * sizeof *rest);
      }
    }
  }
}

void martlet_f16_to_f32_avx2(const martlet_f16_to_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const uint16_t *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 8) {
      uint16_t rest[8] = {0};
      const uint16_t *from = x + j;
      if (j + 8 > p->width) {
        memcpy(rest, from, (size_t)(p->width - j) * sizeof *rest);
        from = rest;
      }
      __m256 values = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
      martlet_avx2_store(y, j, p->width, values);
    }
  }
}

/// Eight elements less the subtrahend.
MARTLET_INLINE __m256 difference(
  const float *x, const float *subtrahend, ptrdiff_t j, ptrdiff_t k
) {
  __m256 d = martlet_avx2_load(x, j, k);
  return subtrahend ? _mm256_sub_ps(d, martlet_avx2_load(subtrahend, j, k)) : d;
}

static float largest_magnitude(const float *x, const float *subtrahend, ptrdiff_t k) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  __m256 largest = _mm256_setzero_ps();
  for (ptrdiff_t j = 0; j < k; j += 8) {
    // The second operand is the result where one is NaN.
    largest = _mm256_max_ps(_mm256_andnot_ps(sign, difference(x, subtrahend, j, k)), largest);
  }
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  four = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

void martlet_quantize_rows_s8_avx2(const martlet_quantize_rows_s8_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    int8_t *q = p->destination + i * p->destination_stride;
    float scale = largest_magnitude(x, p->subtrahend, p->k) / 127.0f;
    if (!(scale >= FLT_MIN)) scale = 1.0f;
    __m256 inverse = _mm256_set1_ps(1.0f / scale);
    for (ptrdiff_t j = 0; j < p->k; j += 8) {
      __m256 code = _mm256_round_ps(
        _mm256_mul_ps(difference(x, p->subtrahend, j, p->k), inverse),
        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
      code = _mm256_and_ps(code, _mm256_cmp_ps(code, code, _CMP_ORD_Q));
      code = _mm256_max_ps(code, _mm256_set1_ps(-127.0f));
      code = _mm256_min_ps(code, _mm256_set1_ps(127.0f));
      __m256i words = _mm256_cvtps_epi32(code);
      __m128i shorts =
        _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      int64_t bytes = _mm_cvtsi128_si64(_mm_packs_epi16(shorts, shorts));
      ptrdiff_t count = p->k - j < 8 ? p->k - j : 8;
      memcpy(q + j, &bytes, (size_t)count);
    }
    p->row_scales[i] = scale;
  }
}

void martlet_dequantize_rows_s8_avx2(const martlet_dequantize_rows_s8_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const int8_t *q = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    __m256 scale = _mm256_set1_ps(p->row_scales[i]);
    for (ptrdiff_t j = 0; j < p->k; j += 8) {
      int64_t bytes = 0;
      memcpy(&bytes, q + j, (size_t)(p->k - j < 8 ? p->k - j : 8));
      __m256 code = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(bytes)));
      __m256 addend = p->addend ? martlet_avx2_load(p->addend, j, p->k) : _mm256_setzero_ps();
      martlet_avx2_store(y, j, p->k, _mm256_fmadd_ps(code, scale, addend));
    }
  }
}

MARTLET_END_TARGET

#endif
