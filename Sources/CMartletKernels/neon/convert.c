#if defined(__aarch64__)

// Conversions: rows to 8 bits, pixels to floats, rows of a packed table to floats.

#include <float.h>
#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

/// `rne(x · inverse) + zero` as integers that saturate; NaN becomes 0.
MARTLET_INLINE int32x4_t quantized(float32x4_t x, float32x4_t inverse, float32x4_t zero) {
  return vcvtq_s32_f32(vaddq_f32(vrndnq_f32(vmulq_f32(x, inverse)), zero));
}

/// Eight codes: narrowing saturates, and so clamps to 0…255.
MARTLET_INLINE uint8x8_t eight_codes(const float *x, float32x4_t inverse, float32x4_t zero) {
  int32x4_t low = quantized(vld1q_f32(x), inverse, zero);
  int32x4_t high = quantized(vld1q_f32(x + 4), inverse, zero);
  return vqmovun_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high)));
}

static void quantize_row(
  const martlet_quantize_rows_params *p, ptrdiff_t i, float scale, int32_t zero
) {
  const float *x = p->source + i * p->source_stride;
  uint8_t *q = p->destination + i * p->destination_stride;
  float32x4_t inverse = vdupq_n_f32(1.0f / scale);
  float32x4_t shift = vdupq_n_f32((float)zero);
  ptrdiff_t j = 0;
  for (; j + 16 <= p->k; j += 16) {
    uint8x8_t low = eight_codes(x + j, inverse, shift);
    vst1q_u8(q + j, vcombine_u8(low, eight_codes(x + j + 8, inverse, shift)));
  }
  for (; j < p->k; j += 8) {
    float values[8] = {0};
    uint8_t codes[8];
    size_t count = (size_t)(p->k - j < 8 ? p->k - j : 8);
    memcpy(values, x + j, count * sizeof *values);
    vst1_u8(codes, eight_codes(values, inverse, shift));
    memcpy(q + j, codes, count);
  }
  memset(q + p->k, 0, (size_t)(p->padded_k - p->k));
  p->row_scales[i] = scale;
  p->row_zeros[i] = zero;
}

/// The smallest of 0 and the row, and the greatest; NaN is passed over.
static void range_of(const float *x, ptrdiff_t k, float *lowest, float *highest) {
  float32x4_t low[2] = {vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)};
  float32x4_t high[2] = {vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)};
  for (ptrdiff_t j = 0; j < k; j += 8) {
    MARTLET_UNROLL
    for (int h = 0; h < 2; ++h) {
      float32x4_t v = martlet_neon_load(x, j + 4 * h, k);
      low[h] = vbslq_f32(vcltq_f32(v, low[h]), v, low[h]);
      high[h] = vbslq_f32(vcgtq_f32(v, high[h]), v, high[h]);
    }
  }
  *lowest = vminvq_f32(vminq_f32(low[0], low[1]));
  *highest = vmaxvq_f32(vmaxq_f32(high[0], high[1]));
}

void martlet_quantize_rows_dynamic_neon(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    float lowest, highest;
    range_of(p->source + i * p->source_stride, p->k, &lowest, &highest);
    float scale = (highest - lowest) / 255.0f;
    if (scale >= FLT_MIN) {
      int32x4_t zero = quantized(vdupq_n_f32(-lowest / scale), vdupq_n_f32(1), vdupq_n_f32(0));
      zero = vminq_s32(vmaxq_s32(zero, vdupq_n_s32(0)), vdupq_n_s32(255));
      quantize_row(p, i, scale, vgetq_lane_s32(zero, 0));
    } else {
      quantize_row(p, i, 1.0f, 0);
    }
  }
}

void martlet_quantize_rows_fixed_neon(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) quantize_row(p, i, p->fixed_scale, p->fixed_zero);
}

void martlet_u8_to_f32_neon(const martlet_u8_to_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const uint8_t *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    ptrdiff_t j = 0;
    for (; j + 8 <= p->width; j += 8) {
      uint16x8_t wide = vmovl_u8(vld1_u8(x + j));
      vst1q_f32(y + j, vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))));
      vst1q_f32(y + j + 4, vcvtq_f32_u32(vmovl_u16(vget_high_u16(wide))));
    }
    for (; j < p->width; ++j) y[j] = (float)x[j];
  }
}

void martlet_dequantize_row_s8_neon(const martlet_dequantize_row_s8_params *p) {
  ptrdiff_t blocks = (p->k + 3) / 4;
  const int8_t *w = p->codes + p->row / 16 * blocks * 64 + p->row % 16 * 4;
  float scale = p->scales[p->row];
  ptrdiff_t k = 0;
  for (; k + 8 <= p->k; k += 8) {
    int8_t codes[8];
    memcpy(codes, w + k / 4 * 64, 4);
    memcpy(codes + 4, w + k / 4 * 64 + 64, 4);
    int16x8_t wide = vmovl_s8(vld1_s8(codes));
    float32x4_t low = vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
    float32x4_t high = vcvtq_f32_s32(vmovl_s16(vget_high_s16(wide)));
    vst1q_f32(p->destination + k, vmulq_n_f32(low, scale));
    vst1q_f32(p->destination + k + 4, vmulq_n_f32(high, scale));
  }
  for (; k < p->k; ++k) p->destination[k] = (float)w[k / 4 * 64 + k % 4] * scale;
}

/// Exact.
MARTLET_INLINE float half_to_float(uint16_t half) {
  float16x4_t four = vreinterpret_f16_u16(vdup_n_u16(half));
  return vgetq_lane_f32(vcvt_f32_f16(four), 0);
}

/// Four codes, stored with 8 added, as floats.
MARTLET_INLINE float32x4_t four_codes(uint8x8_t stored) {
  int16x4_t codes = vreinterpret_s16_u16(vget_low_u16(vmovl_u8(stored)));
  return vcvtq_f32_s32(vmovl_s16(vsub_s16(codes, vdup_n_s16(8))));
}

void martlet_dequantize_row_s4_neon(const martlet_dequantize_row_s4_params *p) {
  ptrdiff_t groups = (p->k + 31) / 32;
  const uint8_t *w = p->codes + p->row / 16 * groups * 256 + p->row % 16 * 4;
  const uint16_t *scales = p->scales + p->row / 16 * groups * 16 + p->row % 16;
  for (ptrdiff_t g = 0; g < groups; ++g) {
    float scale = half_to_float(scales[g * 16]);
    float values[32];
    for (int j = 0; j < 4; ++j) {
      uint8_t bytes[8] = {0};
      memcpy(bytes, w + g * 256 + j * 64, 4);
      uint8x8_t both = vld1_u8(bytes);
      vst1q_f32(values + 4 * j, vmulq_n_f32(four_codes(vand_u8(both, vdup_n_u8(15))), scale));
      vst1q_f32(values + 16 + 4 * j, vmulq_n_f32(four_codes(vshr_n_u8(both, 4)), scale));
    }
    ptrdiff_t count = p->k - 32 * g < 32 ? p->k - 32 * g : 32;
    memcpy(p->destination + 32 * g, values, (size_t)count * sizeof *values);
  }
}

void martlet_dequantize_row_f32_neon(const martlet_dequantize_row_f32_params *p) {
  // Every element lies in a line of its own; there is nothing to gather faster.
  const float *w = p->panels + p->row / 16 * p->k * 16 + p->row % 16;
  for (ptrdiff_t k = 0; k < p->k; ++k) p->destination[k] = w[k * 16];
}

#endif
