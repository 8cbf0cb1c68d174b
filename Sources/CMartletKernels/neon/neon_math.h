// What every NEON kernel shares: tails, the 16 lanes of a reduction, exp and gelu, and the end of a matrix product.
// Include it inside the target region; each function equals its scalar namesake.
//
// The instructions for minimum and maximum give NaN where one operand is NaN, unlike those of x86 that the definition
// follows. They are used only where that makes no difference.

#ifndef MARTLET_NEON_MATH_H
#define MARTLET_NEON_MATH_H

/// Four elements of a row of `width` from `j` on; those beyond the row are not read and come as 0.
MARTLET_INLINE float32x4_t martlet_neon_load(const float *x, ptrdiff_t j, ptrdiff_t width) {
  if (j + 4 <= width) return vld1q_f32(x + j);
  float32x4_t value = vdupq_n_f32(0.0f);
  if (j < width) value = vld1q_lane_f32(x + j, value, 0);
  if (j + 1 < width) value = vld1q_lane_f32(x + j + 1, value, 1);
  if (j + 2 < width) value = vld1q_lane_f32(x + j + 2, value, 2);
  return value;
}

/// Stores four elements; those beyond the row are not touched.
MARTLET_INLINE void martlet_neon_store(float *y, ptrdiff_t j, ptrdiff_t width, float32x4_t value) {
  if (j + 4 <= width) {
    vst1q_f32(y + j, value);
    return;
  }
  if (j < width) vst1q_lane_f32(y + j, value, 0);
  if (j + 1 < width) vst1q_lane_f32(y + j + 1, value, 1);
  if (j + 2 < width) vst1q_lane_f32(y + j + 2, value, 2);
}

/// Lanes 0 ..< count set, count clamped to 0…4.
MARTLET_INLINE uint32x4_t martlet_neon_mask(ptrdiff_t count) {
  static const int32_t lanes[4] = {0, 1, 2, 3};
  int32_t limit = count > 4 ? 4 : count < 0 ? 0 : (int32_t)count;
  return vcltq_s32(vld1q_s32(lanes), vdupq_n_s32(limit));
}

/// The lanes of the mask; the others are +0.
MARTLET_INLINE float32x4_t martlet_neon_masked(float32x4_t value, uint32x4_t mask) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), mask));
}

/// The sum of 16 lanes.
MARTLET_INLINE float martlet_neon_sum(const float32x4_t lanes[4]) {
  float32x4_t four = vaddq_f32(vaddq_f32(lanes[0], lanes[2]), vaddq_f32(lanes[1], lanes[3]));
  float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/// `0 > x ? 0 : x`.
MARTLET_INLINE float32x4_t martlet_neon_relu(float32x4_t x) {
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vcltzq_f32(x)));
}

MARTLET_INLINE float32x4_t martlet_neon_gelu(float32x4_t x) {
  float32x4_t a = vminq_f32(vdupq_n_f32(MARTLET_GELU_MAX), vabsq_f32(x));
  float32x4_t g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C7), vdupq_n_f32(MARTLET_GELU_C8), a);
  g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C6), g, a);
  g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C5), g, a);
  g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C4), g, a);
  g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C3), g, a);
  g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C2), g, a);
  g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C1), g, a);
  g = vfmaq_f32(vdupq_n_f32(MARTLET_GELU_C0), g, a);
  float32x4_t q = vmulq_f32(vsubq_f32(vdupq_n_f32(MARTLET_GELU_MAX), a), g);
  q = vmulq_f32(q, q);
  q = vmulq_f32(q, q);
  float32x4_t tail = vmulq_f32(vmulq_f32(vdupq_n_f32(0.5f), a), q);
  return vsubq_f32(martlet_neon_relu(x), tail);
}

/// 2 to the power of each lane, −126 … 127.
MARTLET_INLINE float32x4_t martlet_neon_power_of_two(int32x4_t i) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(i, vdupq_n_s32(127)), 23));
}

MARTLET_INLINE float32x4_t martlet_neon_exp(float32x4_t x) {
  x = vminq_f32(vdupq_n_f32(MARTLET_EXP_MAX), x);
  x = vmaxq_f32(vdupq_n_f32(MARTLET_EXP_MIN), x);
  float32x4_t n = vrndnq_f32(vmulq_f32(x, vdupq_n_f32(MARTLET_LOG2_E)));
  float32x4_t r = vfmaq_f32(x, n, vdupq_n_f32(-MARTLET_LN2_HIGH));
  r = vfmaq_f32(r, n, vdupq_n_f32(-MARTLET_LN2_LOW));
  float32x4_t q = vfmaq_f32(vdupq_n_f32(MARTLET_EXP_C5), vdupq_n_f32(MARTLET_EXP_C6), r);
  q = vfmaq_f32(vdupq_n_f32(MARTLET_EXP_C4), q, r);
  q = vfmaq_f32(vdupq_n_f32(MARTLET_EXP_C3), q, r);
  q = vfmaq_f32(vdupq_n_f32(MARTLET_EXP_C2), q, r);
  float32x4_t y = vaddq_f32(vfmaq_f32(r, vmulq_f32(r, r), q), vdupq_n_f32(1.0f));
  int32x4_t exponent = vcvtq_s32_f32(n);
  int32x4_t half = vshrq_n_s32(exponent, 1);
  y = vmulq_f32(y, martlet_neon_power_of_two(half));
  return vmulq_f32(y, martlet_neon_power_of_two(vsubq_s32(exponent, half)));
}

MARTLET_INLINE float32x4_t martlet_neon_activate(float32x4_t x, martlet_activation activation) {
  if (activation == MARTLET_ACTIVATION_GELU) return martlet_neon_gelu(x);
  if (activation == MARTLET_ACTIVATION_RELU) return martlet_neon_relu(x);
  return x;
}

/// What the outputs of one panel have in common at the end of a product.
typedef struct martlet_neon_panel {
  float32x4_t bias[4];
  const martlet_epilogue *epilogue;
  /// First output of the panel.
  ptrdiff_t output;
  /// Real outputs of the panel, at least 1; 16 or more where it is full.
  ptrdiff_t count;
} martlet_neon_panel;

/// The panel that starts at `output` of `n`.
MARTLET_INLINE martlet_neon_panel martlet_neon_panel_at(
  ptrdiff_t output, ptrdiff_t n, const martlet_epilogue *epilogue
) {
  martlet_neon_panel panel;
  panel.epilogue = epilogue;
  panel.output = output;
  panel.count = n - output;
  MARTLET_UNROLL
  for (int j = 0; j < 4; ++j) {
    panel.bias[j] = epilogue->bias
                      ? martlet_neon_load(epilogue->bias + output, 4 * j, panel.count)
                      : vdupq_n_f32(0.0f);
  }
  return panel;
}

/// Activation, residual and store of 16 outputs of row `i`; `destination` points at the row's output 0.
MARTLET_INLINE void martlet_neon_finish(
  float32x4_t y[4], const martlet_neon_panel *panel, ptrdiff_t i, float *destination
) {
  const martlet_epilogue *epilogue = panel->epilogue;
  const float *residual =
    epilogue->residual ? epilogue->residual + i * epilogue->residual_stride + panel->output : NULL;
  float *target = destination + panel->output;
  MARTLET_UNROLL
  for (int j = 0; j < 4; ++j) y[j] = martlet_neon_activate(y[j], epilogue->activation);
  if (panel->count >= 16) {
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) {
      if (residual) y[j] = vaddq_f32(y[j], vld1q_f32(residual + 4 * j));
      vst1q_f32(target + 4 * j, y[j]);
    }
  } else {
    for (int j = 0; j < 4; ++j) {
      if (residual) y[j] = vaddq_f32(y[j], martlet_neon_load(residual, 4 * j, panel->count));
      martlet_neon_store(target, 4 * j, panel->count, y[j]);
    }
  }
}

#endif
