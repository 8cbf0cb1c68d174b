#if defined(__x86_64__)

// Conversions: rows to 8 bits, pixels to floats, rows of a packed table to floats.

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

/// clamp(value, 0, 255) in float; NaN becomes 0.
MARTLET_INLINE __m256 clamped(__m256 value) {
  value = _mm256_max_ps(value, _mm256_setzero_ps());
  return _mm256_min_ps(value, _mm256_set1_ps(255.0f));
}

/// The codes of eight elements, in 32 bits each.
MARTLET_INLINE __m256i quantized(__m256 x, __m256 inverse, __m256 zero) {
  __m256 scaled = _mm256_round_ps(
    _mm256_mul_ps(x, inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm256_cvtps_epi32(clamped(_mm256_add_ps(scaled, zero)));
}

static void quantize_row(
  const martlet_quantize_rows_params *p, ptrdiff_t i, float scale, int32_t zero
) {
  const float *x = p->source + i * p->source_stride;
  uint8_t *q = p->destination + i * p->destination_stride;
  __m256 inverse = _mm256_set1_ps(1.0f / scale);
  __m256 shift = _mm256_set1_ps((float)zero);
  // Packing works within 128-bit halves; this puts its dwords back in order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  ptrdiff_t j = 0;
  for (; j + 32 <= p->k; j += 32) {
    __m256i low = _mm256_packs_epi32(
      quantized(_mm256_loadu_ps(x + j), inverse, shift),
      quantized(_mm256_loadu_ps(x + j + 8), inverse, shift));
    __m256i high = _mm256_packs_epi32(
      quantized(_mm256_loadu_ps(x + j + 16), inverse, shift),
      quantized(_mm256_loadu_ps(x + j + 24), inverse, shift));
    __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    _mm256_storeu_si256((__m256i *)(q + j), bytes);
  }
  for (; j < p->k; j += 8) {
    ptrdiff_t count = p->k - j < 8 ? p->k - j : 8;
    __m256i codes = quantized(_mm256_maskload_ps(x + j, martlet_avx2_mask(count)), inverse, shift);
    int32_t words[8];
    _mm256_storeu_si256((__m256i *)words, codes);
    for (ptrdiff_t l = 0; l < count; ++l) q[j + l] = (uint8_t)words[l];
  }
  memset(q + p->k, 0, (size_t)(p->padded_k - p->k));
  p->row_scales[i] = scale;
  p->row_zeros[i] = zero;
}

/// The smallest lane of 0 and `low`, and the greatest of 0 and `high`.
MARTLET_INLINE void reduce_range(__m256 low, __m256 high, float *lowest, float *highest) {
  __m128 l = _mm_min_ps(_mm256_castps256_ps128(low), _mm256_extractf128_ps(low, 1));
  __m128 h = _mm_max_ps(_mm256_castps256_ps128(high), _mm256_extractf128_ps(high, 1));
  l = _mm_min_ps(l, _mm_movehl_ps(l, l));
  h = _mm_max_ps(h, _mm_movehl_ps(h, h));
  *lowest = _mm_cvtss_f32(_mm_min_ss(l, _mm_movehdup_ps(l)));
  *highest = _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}

static void range_of(const float *x, ptrdiff_t k, float *lowest, float *highest) {
  __m256 low[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  __m256 high[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  ptrdiff_t j = 0;
  for (; j + 16 <= k; j += 16) {
    for (int h = 0; h < 2; ++h) {
      __m256 v = _mm256_loadu_ps(x + j + 8 * h);
      low[h] = _mm256_min_ps(v, low[h]);
      high[h] = _mm256_max_ps(v, high[h]);
    }
  }
  for (; j < k; j += 8) {
    __m256 v = _mm256_maskload_ps(x + j, martlet_avx2_mask(k - j));
    low[0] = _mm256_min_ps(v, low[0]);
    high[0] = _mm256_max_ps(v, high[0]);
  }
  reduce_range(
    _mm256_min_ps(low[0], low[1]), _mm256_max_ps(high[0], high[1]), lowest, highest);
}

void martlet_quantize_rows_dynamic_avx2(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    float lowest, highest;
    range_of(p->source + i * p->source_stride, p->k, &lowest, &highest);
    float scale = (highest - lowest) / 255.0f;
    if (scale >= FLT_MIN) {
      __m256 zero = clamped(_mm256_round_ps(
        _mm256_set1_ps(-lowest / scale), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
      quantize_row(p, i, scale, _mm256_cvtsi256_si32(_mm256_cvtps_epi32(zero)));
    } else {
      quantize_row(p, i, 1.0f, 0);
    }
  }
}

void martlet_quantize_rows_fixed_avx2(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) quantize_row(p, i, p->fixed_scale, p->fixed_zero);
}

void martlet_u8_to_f32_avx2(const martlet_u8_to_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const uint8_t *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    ptrdiff_t j = 0;
    for (; j + 8 <= p->width; j += 8) {
      __m128i bytes = _mm_loadl_epi64((const __m128i *)(x + j));
      _mm256_storeu_ps(y + j, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)));
    }
    for (; j < p->width; ++j) y[j] = (float)x[j];
  }
}

void martlet_dequantize_row_s8_avx2(const martlet_dequantize_row_s8_params *p) {
  ptrdiff_t blocks = (p->k + 3) / 4;
  const int8_t *w = p->codes + p->row / 16 * blocks * 64 + p->row % 16 * 4;
  float scale = p->scales[p->row];
  ptrdiff_t k = 0;
  for (; k + 8 <= p->k; k += 8) {
    int32_t low, high;
    memcpy(&low, w + k / 4 * 64, sizeof low);
    memcpy(&high, w + k / 4 * 64 + 64, sizeof high);
    __m128i codes = _mm_insert_epi32(_mm_cvtsi32_si128(low), high, 1);
    __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes));
    _mm256_storeu_ps(p->destination + k, _mm256_mul_ps(values, _mm256_set1_ps(scale)));
  }
  for (; k < p->k; ++k) p->destination[k] = (float)w[k / 4 * 64 + k % 4] * scale;
}

/// The low or high nibbles of four bytes as floats.
MARTLET_INLINE __m128 four_codes(const uint8_t *bytes, int shift) {
  uint32_t four;
  memcpy(&four, bytes, sizeof four);
  __m128i codes = _mm_cvtsi32_si128((int32_t)(four >> shift & 0x0F0F0F0Fu));
  return _mm_cvtepi32_ps(_mm_sub_epi32(_mm_cvtepu8_epi32(codes), _mm_set1_epi32(8)));
}

void martlet_dequantize_row_s4_avx2(const martlet_dequantize_row_s4_params *p) {
  ptrdiff_t groups = (p->k + 31) / 32;
  const uint8_t *w = p->codes + p->row / 16 * groups * 256 + p->row % 16 * 4;
  const uint16_t *scales = p->scales + p->row / 16 * groups * 16 + p->row % 16;
  for (ptrdiff_t g = 0; g < groups; ++g) {
    __m128 scale = _mm_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(scales[g * 16])));
    float values[32];
    for (int j = 0; j < 4; ++j) {
      const uint8_t *bytes = w + g * 256 + j * 64;
      _mm_storeu_ps(values + 4 * j, _mm_mul_ps(four_codes(bytes, 0), scale));
      _mm_storeu_ps(values + 16 + 4 * j, _mm_mul_ps(four_codes(bytes, 4), scale));
    }
    ptrdiff_t count = p->k - 32 * g < 32 ? p->k - 32 * g : 32;
    memcpy(p->destination + 32 * g, values, (size_t)count * sizeof *values);
  }
}

void martlet_dequantize_row_f32_avx2(const martlet_dequantize_row_f32_params *p) {
  // Every element lies in a line of its own; there is nothing to gather faster.
  const float *w = p->panels + p->row / 16 * p->k * 16 + p->row % 16;
  for (ptrdiff_t k = 0; k < p->k; ++k) p->destination[k] = w[k * 16];
}

MARTLET_END_TARGET

#endif
