#if defined(__aarch64__)

// Rows of a cache to 16 or 8 bits and back.

#include <float.h>
#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

void martlet_f32_to_f16_neon(const martlet_f32_to_f16_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    uint16_t *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 4) {
      float16x4_t halves = vcvt_f16_f32(martlet_neon_load(x, j, p->width));
      uint16_t four[4];
      vst1_u16(four, vreinterpret_u16_f16(halves));
      ptrdiff_t count = p->width - j < 4 ? p->width - j : 4;
      memcpy(y + j, four, (size_t)count * sizeof *four);
    }
  }
}

void martlet_f16_to_f32_neon(const martlet_f16_to_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const uint16_t *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 4) {
      uint16_t four[4] = {0};
      ptrdiff_t count = p->width - j < 4 ? p->width - j : 4;
      memcpy(four, x + j, (size_t)count * sizeof *four);
      float32x4_t values = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(four)));
      martlet_neon_store(y, j, p->width, values);
    }
  }
}

/// Four elements less the subtrahend.
MARTLET_INLINE float32x4_t difference(
  const float *x, const float *subtrahend, ptrdiff_t j, ptrdiff_t k
) {
  float32x4_t d = martlet_neon_load(x, j, k);
  return subtrahend ? vsubq_f32(d, martlet_neon_load(subtrahend, j, k)) : d;
}

static float largest_magnitude(const float *x, const float *subtrahend, ptrdiff_t k) {
  float32x4_t largest = vdupq_n_f32(0.0f);
  for (ptrdiff_t j = 0; j < k; j += 4) {
    float32x4_t d = vabsq_f32(difference(x, subtrahend, j, k));
    // No comparison with NaN holds.
    largest = vbslq_f32(vcgtq_f32(d, largest), d, largest);
  }
  return vmaxvq_f32(largest);
}

void martlet_quantize_rows_s8_neon(const martlet_quantize_rows_s8_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    int8_t *q = p->destination + i * p->destination_stride;
    float scale = largest_magnitude(x, p->subtrahend, p->k) / 127.0f;
    if (!(scale >= FLT_MIN)) scale = 1.0f;
    float32x4_t inverse = vdupq_n_f32(1.0f / scale);
    for (ptrdiff_t j = 0; j < p->k; j += 4) {
      // The conversion saturates and makes 0 of NaN.
      int32x4_t code = vcvtq_s32_f32(
        vrndnq_f32(vmulq_f32(difference(x, p->subtrahend, j, p->k), inverse)));
      code = vminq_s32(vmaxq_s32(code, vdupq_n_s32(-127)), vdupq_n_s32(127));
      int8_t four[8];
      int16x4_t shorts = vmovn_s32(code);
      vst1_s8(four, vmovn_s16(vcombine_s16(shorts, shorts)));
      memcpy(q + j, four, (size_t)(p->k - j < 4 ? p->k - j : 4));
    }
    p->row_scales[i] = scale;
  }
}

void martlet_dequantize_rows_s8_neon(const martlet_dequantize_rows_s8_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const int8_t *q = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    float32x4_t scale = vdupq_n_f32(p->row_scales[i]);
    for (ptrdiff_t j = 0; j < p->k; j += 4) {
      int8_t four[8] = {0};
      memcpy(four, q + j, (size_t)(p->k - j < 4 ? p->k - j : 4));
      float32x4_t code = vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(four)))));
      float32x4_t addend = p->addend ? martlet_neon_load(p->addend, j, p->k) : vdupq_n_f32(0.0f);
      martlet_neon_store(y, j, p->k, vfmaq_f32(addend, code, scale));
    }
  }
}

#endif
