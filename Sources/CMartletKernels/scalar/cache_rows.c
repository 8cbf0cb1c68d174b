// Defines how rows of a cache go to 16 or 8 bits and back.

#include <float.h>

#include "../kernel_declarations.h"
#include "scalar_math.h"

/// To nearest, ties to even.
static uint16_t half_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00 | (uint16_t)(magnitude >> 13 & 0x3FF);
  // From half way between the largest number and its successor on.
  if (magnitude >= 0x477FF000) return sign | 0x7C00;
  if (magnitude < 0x38800000) {
    // Multiples of 2^−24: the addition rounds, as the sum's last bit is worth just that.
    float sum = fabsf(value) + 0.5f;
    memcpy(&bits, &sum, sizeof bits);
    return sign | (uint16_t)(bits - 0x3F000000);
  }
  uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return sign | (uint16_t)((rounded >> 13) - (112 << 10));
}

void martlet_f32_to_f16_scalar(const martlet_f32_to_f16_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    for (ptrdiff_t j = 0; j < p->width; ++j) {
      p->destination[i * p->destination_stride + j] =
        half_from_float(p->source[i * p->source_stride + j]);
    }
  }
}

void martlet_f16_to_f32_scalar(const martlet_f16_to_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    for (ptrdiff_t j = 0; j < p->width; ++j) {
      p->destination[i * p->destination_stride + j] =
        martlet_scalar_half_to_float(p->source[i * p->source_stride + j]);
    }
  }
}

void martlet_quantize_rows_s8_scalar(const martlet_quantize_rows_s8_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float largest = 0.0f;
    for (ptrdiff_t j = 0; j < p->k; ++j) {
      float d = fabsf(x[j] - martlet_scalar_bias(p->subtrahend, j));
      largest = d > largest ? d : largest;
    }
    float scale = largest / 127.0f;
    if (!(scale >= FLT_MIN)) scale = 1.0f;
    float inverse = 1.0f / scale;
    for (ptrdiff_t j = 0; j < p->k; ++j) {
      float code = rintf((x[j] - martlet_scalar_bias(p->subtrahend, j)) * inverse);
      code = code == code ? fminf(fmaxf(code, -127.0f), 127.0f) : 0.0f;
      p->destination[i * p->destination_stride + j] = (int8_t)code;
    }
    p->row_scales[i] = scale;
  }
}

void martlet_dequantize_rows_s8_scalar(const martlet_dequantize_rows_s8_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const int8_t *q = p->source + i * p->source_stride;
    for (ptrdiff_t j = 0; j < p->k; ++j) {
      p->destination[i * p->destination_stride + j] =
        fmaf((float)q[j], p->row_scales[i], martlet_scalar_bias(p->addend, j));
    }
  }
}
