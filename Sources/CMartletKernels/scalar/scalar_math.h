// What the float functions mean, one element at a time. Each comparison is written so that it equals the
// x86 `min` and `max` instructions: of two operands the second is the result where one is NaN.

#ifndef MARTLET_SCALAR_MATH_H
#define MARTLET_SCALAR_MATH_H

#include <math.h>
#include <string.h>

#include "../kernel_math.h"
#include "martlet_kernels.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/// 2 to the power `i`, −126 … 127.
static inline float martlet_scalar_power_of_two(int32_t i) {
  uint32_t bits = (uint32_t)(i + 127) << 23;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// exp(x), relative error below 1.5e-7; NaN stays NaN. The power of two enters in two factors, so that
/// denormal results round once.
static inline float martlet_scalar_exp(float x) {
  x = MARTLET_EXP_MAX < x ? MARTLET_EXP_MAX : x;
  x = MARTLET_EXP_MIN > x ? MARTLET_EXP_MIN : x;
  float n = rintf(x * MARTLET_LOG2_E);
  float r = fmaf(n, -MARTLET_LN2_HIGH, x);
  r = fmaf(n, -MARTLET_LN2_LOW, r);
  float q = fmaf(MARTLET_EXP_C6, r, MARTLET_EXP_C5);
  q = fmaf(q, r, MARTLET_EXP_C4);
  q = fmaf(q, r, MARTLET_EXP_C3);
  q = fmaf(q, r, MARTLET_EXP_C2);
  float y = fmaf(r * r, q, r) + 1.0f;
  int32_t exponent = n == n ? (int32_t)n : 0;
  int32_t half = exponent >> 1;
  return y * martlet_scalar_power_of_two(half) * martlet_scalar_power_of_two(exponent - half);
}

/// x > 0 ? x : 0, but NaN stays NaN.
static inline float martlet_scalar_relu(float x) { return 0.0f > x ? 0.0f : x; }

/// 0.5 x (1 + erf(x / √2)), absolute error below 4e-7; NaN stays NaN.
static inline float martlet_scalar_gelu(float x) {
  float a = fabsf(x);
  a = MARTLET_GELU_MAX < a ? MARTLET_GELU_MAX : a;
  float g = fmaf(MARTLET_GELU_C8, a, MARTLET_GELU_C7);
  g = fmaf(g, a, MARTLET_GELU_C6);
  g = fmaf(g, a, MARTLET_GELU_C5);
  g = fmaf(g, a, MARTLET_GELU_C4);
  g = fmaf(g, a, MARTLET_GELU_C3);
  g = fmaf(g, a, MARTLET_GELU_C2);
  g = fmaf(g, a, MARTLET_GELU_C1);
  g = fmaf(g, a, MARTLET_GELU_C0);
  float q = (MARTLET_GELU_MAX - a) * g;
  q = q * q;
  q = q * q;
  return martlet_scalar_relu(x) - (0.5f * a) * q;
}

static inline float martlet_scalar_activate(float x, martlet_activation activation) {
  switch (activation) {
    case MARTLET_ACTIVATION_GELU:
      return martlet_scalar_gelu(x);
    case MARTLET_ACTIVATION_RELU:
      return martlet_scalar_relu(x);
    default:
      return x;
  }
}

/// The bias of output `o`.
static inline float martlet_scalar_bias(const float *bias, ptrdiff_t o) {
  return bias ? bias[o] : 0.0f;
}

/// Stores one output of a product: activation, then residual.
static inline void martlet_scalar_finish(
  float y, const martlet_epilogue *epilogue, ptrdiff_t i, ptrdiff_t o, float *destination
) {
  y = martlet_scalar_activate(y, epilogue->activation);
  if (epilogue->residual) y = y + epilogue->residual[i * epilogue->residual_stride + o];
  *destination = y;
}

/// Exact.
static inline float martlet_scalar_half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31;
  uint32_t fraction = half & 1023;
  if (exponent == 0) {
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  // Infinity and NaN keep their fraction, a NaN made quiet.
  if (exponent == 31) {
    exponent = 255 - 112;
    if (fraction) fraction |= 512;
  }
  uint32_t bits = sign | (exponent + 112) << 23 | fraction << 13;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// Combines the 16 lanes of a reduction: l with l + 8, then 4, 2, 1.
static inline float martlet_scalar_lanes_sum(float lanes[16]) {
  for (int width = 8; width > 0; width /= 2) {
    for (int l = 0; l < width; ++l) lanes[l] = lanes[l] + lanes[l + width];
  }
  return lanes[0];
}

#endif
