#if defined(__x86_64__)

// Norms and softmax. Lanes 0…7 and 8…15 of a reduction are two registers; tails enter as zeros, which
// leave a sum as it is, or do not enter at all.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

static float sum_of(const float *x, ptrdiff_t k) {
  __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  ptrdiff_t j = 0;
  for (; j + 16 <= k; j += 16) {
    sums[0] = _mm256_add_ps(sums[0], _mm256_loadu_ps(x + j));
    sums[1] = _mm256_add_ps(sums[1], _mm256_loadu_ps(x + j + 8));
  }
  for (int h = 0; h < 2 && j + 8 * h < k; ++h) {
    __m256 v = _mm256_maskload_ps(x + j + 8 * h, martlet_avx2_mask(k - j - 8 * h));
    sums[h] = _mm256_add_ps(sums[h], v);
  }
  return martlet_avx2_sum(sums[0], sums[1]);
}

/// Sum of (x − center)².
static float sum_of_squares(const float *x, ptrdiff_t k, float center) {
  __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  __m256 c = _mm256_set1_ps(center);
  ptrdiff_t j = 0;
  for (; j + 16 <= k; j += 16) {
    __m256 d0 = _mm256_sub_ps(_mm256_loadu_ps(x + j), c);
    __m256 d1 = _mm256_sub_ps(_mm256_loadu_ps(x + j + 8), c);
    sums[0] = _mm256_fmadd_ps(d0, d0, sums[0]);
    sums[1] = _mm256_fmadd_ps(d1, d1, sums[1]);
  }
  for (int h = 0; h < 2 && j + 8 * h < k; ++h) {
    __m256i mask = martlet_avx2_mask(k - j - 8 * h);
    __m256 d = _mm256_sub_ps(_mm256_maskload_ps(x + j + 8 * h, mask), c);
    d = _mm256_and_ps(d, _mm256_castsi256_ps(mask));
    sums[h] = _mm256_fmadd_ps(d, d, sums[h]);
  }
  return martlet_avx2_sum(sums[0], sums[1]);
}

MARTLET_INLINE float inverse_root(float x) {
  return 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

MARTLET_INLINE __m256 load_or(const float *x, ptrdiff_t j, ptrdiff_t k, float missing) {
  return x ? martlet_avx2_load(x, j, k) : _mm256_set1_ps(missing);
}

void martlet_layer_norm_rows_avx2(const martlet_norm_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    float mean = sum_of(x, p->k) / (float)p->k;
    float variance = sum_of_squares(x, p->k, mean) / (float)p->k;
    __m256 center = _mm256_set1_ps(mean);
    __m256 r = _mm256_set1_ps(inverse_root(variance + p->eps));
    for (ptrdiff_t j = 0; j < p->k; j += 8) {
      __m256 v = _mm256_sub_ps(martlet_avx2_load(x, j, p->k), center);
      v = _mm256_fmadd_ps(
        _mm256_mul_ps(v, r), load_or(p->weight, j, p->k, 1.0f), load_or(p->bias, j, p->k, 0.0f));
      martlet_avx2_store(y, j, p->k, v);
    }
  }
}

void martlet_rms_norm_rows_avx2(const martlet_norm_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    float mean = sum_of_squares(x, p->k, 0.0f) / (float)p->k;
    __m256 r = _mm256_set1_ps(inverse_root(mean + p->eps));
    for (ptrdiff_t j = 0; j < p->k; j += 8) {
      __m256 v = _mm256_mul_ps(martlet_avx2_load(x, j, p->k), r);
      martlet_avx2_store(y, j, p->k, _mm256_mul_ps(v, load_or(p->weight, j, p->k, 1.0f)));
    }
  }
}

/// Scales in place and gives the greatest element; NaN is passed over.
static float scale_and_find_highest(float *x, ptrdiff_t length, float scale) {
  __m256 highest = _mm256_set1_ps(-__builtin_inff());
  __m256 factor = _mm256_set1_ps(scale);
  for (ptrdiff_t j = 0; j < length; j += 8) {
    __m256 v = _mm256_mul_ps(martlet_avx2_load(x, j, length), factor);
    martlet_avx2_store(x, j, length, v);
    // Absent lanes must not win.
    if (j + 8 > length) {
      v = _mm256_blendv_ps(highest, v, _mm256_castsi256_ps(martlet_avx2_mask(length - j)));
    }
    highest = _mm256_max_ps(v, highest);
  }
  __m128 h = _mm_max_ps(_mm256_castps256_ps128(highest), _mm256_extractf128_ps(highest, 1));
  h = _mm_max_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}

/// Replaces each x by exp(x − highest) and gives the sum.
static float exponentiate(float *x, ptrdiff_t length, float highest) {
  __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  __m256 top = _mm256_set1_ps(highest);
  for (ptrdiff_t j = 0; j < length; j += 16) {
    for (int h = 0; h < 2; ++h) {
      ptrdiff_t at = j + 8 * h;
      __m256 v = martlet_avx2_exp(_mm256_sub_ps(martlet_avx2_load(x, at, length), top));
      if (at + 8 > length) {
        v = _mm256_and_ps(v, _mm256_castsi256_ps(martlet_avx2_mask(length - at)));
      }
      martlet_avx2_store(x, at, length, v);
      sums[h] = _mm256_add_ps(sums[h], v);
    }
  }
  return martlet_avx2_sum(sums[0], sums[1]);
}

void martlet_softmax_rows_avx2(const martlet_softmax_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    float *x = p->values + i * p->stride;
    ptrdiff_t length = p->first_length + i * p->length_increment;
    float highest = scale_and_find_highest(x, length, p->scale);
    float inverse = 1.0f / exponentiate(x, length, highest);
    for (ptrdiff_t j = 0; j < length; j += 8) {
      __m256 v = _mm256_mul_ps(martlet_avx2_load(x, j, length), _mm256_set1_ps(inverse));
      martlet_avx2_store(x, j, length, v);
    }
    for (ptrdiff_t j = length; j < p->width; ++j) x[j] = 0.0f;
  }
}

MARTLET_END_TARGET

#endif
