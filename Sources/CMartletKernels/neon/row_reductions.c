#if defined(__aarch64__)

// Norms and softmax. The 16 lanes of a reduction are four registers; the elements of a tail that are not there enter a
// sum as +0, which leaves it as it is, since a sum that starts at +0 is never −0.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

static float sum_of(const float *x, ptrdiff_t k) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  for (ptrdiff_t j = 0; j < k; j += 16) {
    MARTLET_UNROLL
    for (int h = 0; h < 4; ++h) {
      sums[h] = vaddq_f32(sums[h], martlet_neon_load(x, j + 4 * h, k));
    }
  }
  return martlet_neon_sum(sums);
}

/// Sum of (x − center)².
static float sum_of_squares(const float *x, ptrdiff_t k, float center) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  float32x4_t c = vdupq_n_f32(center);
  ptrdiff_t j = 0;
  for (; j + 16 <= k; j += 16) {
    MARTLET_UNROLL
    for (int h = 0; h < 4; ++h) {
      float32x4_t d = vsubq_f32(vld1q_f32(x + j + 4 * h), c);
      sums[h] = vfmaq_f32(sums[h], d, d);
    }
  }
  for (int h = 0; h < 4 && j + 4 * h < k; ++h) {
    float32x4_t d = vsubq_f32(martlet_neon_load(x, j + 4 * h, k), c);
    d = martlet_neon_masked(d, martlet_neon_mask(k - j - 4 * h));
    sums[h] = vfmaq_f32(sums[h], d, d);
  }
  return martlet_neon_sum(sums);
}

MARTLET_INLINE float inverse_root(float x) {
  return 1.0f / vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
}

MARTLET_INLINE float32x4_t load_or(const float *x, ptrdiff_t j, ptrdiff_t k, float missing) {
  return x ? martlet_neon_load(x, j, k) : vdupq_n_f32(missing);
}

void martlet_layer_norm_rows_neon(const martlet_norm_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    float mean = sum_of(x, p->k) / (float)p->k;
    float variance = sum_of_squares(x, p->k, mean) / (float)p->k;
    float32x4_t center = vdupq_n_f32(mean);
    float32x4_t r = vdupq_n_f32(inverse_root(variance + p->eps));
    for (ptrdiff_t j = 0; j < p->k; j += 4) {
      float32x4_t v = vmulq_f32(vsubq_f32(martlet_neon_load(x, j, p->k), center), r);
      v = vfmaq_f32(load_or(p->bias, j, p->k, 0.0f), v, load_or(p->weight, j, p->k, 1.0f));
      martlet_neon_store(y, j, p->k, v);
    }
  }
}

void martlet_rms_norm_rows_neon(const martlet_norm_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    float mean = sum_of_squares(x, p->k, 0.0f) / (float)p->k;
    float32x4_t r = vdupq_n_f32(inverse_root(mean + p->eps));
    for (ptrdiff_t j = 0; j < p->k; j += 4) {
      float32x4_t v = vmulq_f32(martlet_neon_load(x, j, p->k), r);
      martlet_neon_store(y, j, p->k, vmulq_f32(v, load_or(p->weight, j, p->k, 1.0f)));
    }
  }
}

/// Scales in place and gives the greatest element; NaN is passed over, being quiet after the product.
static float scale_and_find_highest(float *x, ptrdiff_t length, float scale) {
  float32x4_t highest = vdupq_n_f32(-__builtin_inff());
  ptrdiff_t j = 0;
  for (; j + 4 <= length; j += 4) {
    float32x4_t v = vmulq_f32(vld1q_f32(x + j), vdupq_n_f32(scale));
    vst1q_f32(x + j, v);
    highest = vmaxnmq_f32(v, highest);
  }
  float result = vmaxnmvq_f32(highest);
  for (; j < length; ++j) {
    x[j] = x[j] * scale;
    result = x[j] > result ? x[j] : result;
  }
  return result;
}

/// Replaces each x by exp(x − highest) and gives the sum.
static float exponentiate(float *x, ptrdiff_t length, float highest) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  float32x4_t top = vdupq_n_f32(highest);
  for (ptrdiff_t j = 0; j < length; j += 16) {
    MARTLET_UNROLL
    for (int h = 0; h < 4; ++h) {
      ptrdiff_t at = j + 4 * h;
      if (at >= length) break;
      float32x4_t v = martlet_neon_exp(vsubq_f32(martlet_neon_load(x, at, length), top));
      if (at + 4 > length) v = martlet_neon_masked(v, martlet_neon_mask(length - at));
      martlet_neon_store(x, at, length, v);
      sums[h] = vaddq_f32(sums[h], v);
    }
  }
  return martlet_neon_sum(sums);
}

void martlet_softmax_rows_neon(const martlet_softmax_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    float *x = p->values + i * p->stride;
    ptrdiff_t length = p->first_length + i * p->length_increment;
    float highest = scale_and_find_highest(x, length, p->scale);
    float32x4_t inverse = vdupq_n_f32(1.0f / exponentiate(x, length, highest));
    for (ptrdiff_t j = 0; j < length; j += 4) {
      martlet_neon_store(x, j, length, vmulq_f32(martlet_neon_load(x, j, length), inverse));
    }
    for (ptrdiff_t j = length; j < p->width; ++j) x[j] = 0.0f;
  }
}

#endif
