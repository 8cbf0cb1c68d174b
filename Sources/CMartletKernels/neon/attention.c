#if defined(__aarch64__)

// Rotary embedding and the packing of keys and values.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

static void rotate_head(float *head, ptrdiff_t half, const float *cosines, const float *sines) {
  for (ptrdiff_t j = 0; j < half; j += 4) {
    float32x4_t a1 = martlet_neon_load(head, j, half);
    float32x4_t a2 = martlet_neon_load(head + half, j, half);
    float32x4_t c = martlet_neon_load(cosines, j, half);
    float32x4_t s = martlet_neon_load(sines, j, half);
    float32x4_t y1 = vfmaq_f32(vnegq_f32(vmulq_f32(a2, s)), a1, c);
    float32x4_t y2 = vfmaq_f32(vmulq_f32(a1, s), a2, c);
    martlet_neon_store(head, j, half, y1);
    martlet_neon_store(head + half, j, half, y2);
  }
}

void martlet_rotate_neon(const martlet_rotate_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    for (ptrdiff_t h = 0; h < p->heads; ++h) {
      rotate_head(
        p->values + i * p->stride + h * p->head_size, p->head_size / 2,
        p->cosines + i * p->table_stride, p->sines + i * p->table_stride);
    }
  }
}

/// Writes four rows × four elements as four elements × four lanes.
MARTLET_INLINE void transpose(const float *source, ptrdiff_t stride, float *panel) {
  float32x4x2_t a = vtrnq_f32(vld1q_f32(source), vld1q_f32(source + stride));
  float32x4x2_t b = vtrnq_f32(vld1q_f32(source + 2 * stride), vld1q_f32(source + 3 * stride));
  MARTLET_UNROLL
  for (int i = 0; i < 2; ++i) {
    float32x4_t low = vcombine_f32(vget_low_f32(a.val[i]), vget_low_f32(b.val[i]));
    float32x4_t high = vcombine_f32(vget_high_f32(a.val[i]), vget_high_f32(b.val[i]));
    vst1q_f32(panel + 16 * i, low);
    vst1q_f32(panel + 16 * (2 + i), high);
  }
}

void martlet_pack_keys_neon(const martlet_pack_keys_params *p) {
  ptrdiff_t i = 0;
  while (i < p->m) {
    ptrdiff_t row = p->first + i;
    const float *source = p->source + i * p->source_stride;
    float *lane = p->panels + row / 16 * p->d * 16 + row % 16;
    ptrdiff_t c = 0;
    ptrdiff_t rows = row % 4 == 0 && p->m - i >= 4 ? 4 : 1;
    if (rows == 4) {
      for (; c + 4 <= p->d; c += 4) transpose(source + c, p->source_stride, lane + 16 * c);
    }
    for (; c < p->d; ++c) {
      for (ptrdiff_t r = 0; r < rows; ++r) lane[16 * c + r] = source[r * p->source_stride + c];
    }
    i += rows;
  }
}

void martlet_pack_values_neon(const martlet_pack_values_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *source = p->source + i * p->source_stride;
    for (ptrdiff_t c = 0; c < p->d; c += 16) {
      float *to = p->panels + c / 16 * p->panel_stride + (p->first + i) * 16;
      MARTLET_UNROLL
      for (int j = 0; j < 4; ++j) {
        // A quarter may lie wholly beyond the row; then nothing is read.
        vst1q_f32(to + 4 * j, martlet_neon_load(source, c + 4 * j, p->d));
      }
    }
  }
}

#endif
