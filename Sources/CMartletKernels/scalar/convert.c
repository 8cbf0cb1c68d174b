// Defines the conversions: rows to 8 bits, pixels to floats, rows of a packed table to floats.

#include <float.h>

#include "../kernel_declarations.h"
#include "scalar_math.h"

/// clamp(value, 0, 255) as an integer; NaN becomes 0.
static int32_t clamped(float value) {
  value = value > 0.0f ? value : 0.0f;
  value = value < 255.0f ? value : 255.0f;
  return (int32_t)value;
}

static void quantize_row(
  const martlet_quantize_rows_params *p, ptrdiff_t i, float scale, int32_t zero
) {
  const float *x = p->source + i * p->source_stride;
  uint8_t *q = p->destination + i * p->destination_stride;
  float inverse = 1.0f / scale;
  for (ptrdiff_t j = 0; j < p->k; ++j) {
    q[j] = (uint8_t)clamped(rintf(x[j] * inverse) + (float)zero);
  }
  for (ptrdiff_t j = p->k; j < p->padded_k; ++j) q[j] = 0;
  p->row_scales[i] = scale;
  p->row_zeros[i] = zero;
}

void martlet_quantize_rows_dynamic_scalar(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float lowest = 0.0f;
    float highest = 0.0f;
    for (ptrdiff_t j = 0; j < p->k; ++j) {
      lowest = x[j] < lowest ? x[j] : lowest;
      highest = x[j] > highest ? x[j] : highest;
    }
    float scale = (highest - lowest) / 255.0f;
    if (scale >= FLT_MIN) {
      quantize_row(p, i, scale, clamped(rintf(-lowest / scale)));
    } else {
      quantize_row(p, i, 1.0f, 0);
    }
  }
}

void martlet_quantize_rows_fixed_scalar(const martlet_quantize_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) quantize_row(p, i, p->fixed_scale, p->fixed_zero);
}

void martlet_u8_to_f32_scalar(const martlet_u8_to_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    for (ptrdiff_t j = 0; j < p->width; ++j) {
      p->destination[i * p->destination_stride + j] = (float)p->source[i * p->source_stride + j];
    }
  }
}

void martlet_dequantize_row_s8_scalar(const martlet_dequantize_row_s8_params *p) {
  ptrdiff_t blocks = (p->k + 3) / 4;
  const int8_t *w = p->codes + p->row / 16 * blocks * 64 + p->row % 16 * 4;
  float scale = p->scales[p->row];
  for (ptrdiff_t k = 0; k < p->k; ++k) p->destination[k] = (float)w[k / 4 * 64 + k % 4] * scale;
}

void martlet_dequantize_row_s4_scalar(const martlet_dequantize_row_s4_params *p) {
  ptrdiff_t groups = (p->k + 31) / 32;
  const uint8_t *w = p->codes + p->row / 16 * groups * 256 + p->row % 16 * 4;
  const uint16_t *scales = p->scales + p->row / 16 * groups * 16 + p->row % 16;
  for (ptrdiff_t k = 0; k < p->k; ++k) {
    ptrdiff_t low = k % 16;
    uint8_t byte = w[k / 32 * 256 + low / 4 * 64 + low % 4];
    int32_t code = (k % 32 < 16 ? byte & 15 : byte >> 4) - 8;
    p->destination[k] = (float)code * martlet_scalar_half_to_float(scales[k / 32 * 16]);
  }
}

void martlet_dequantize_row_f32_scalar(const martlet_dequantize_row_f32_params *p) {
  const float *w = p->panels + p->row / 16 * p->k * 16 + p->row % 16;
  for (ptrdiff_t k = 0; k < p->k; ++k) p->destination[k] = w[k * 16];
}
