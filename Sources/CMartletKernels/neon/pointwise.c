#if defined(__aarch64__)

// Functions of single elements and of columns, four at a time.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

MARTLET_INLINE float32x4_t sigmoid_denominator(float32x4_t x) {
  return vaddq_f32(vdupq_n_f32(1.0f), martlet_neon_exp(vnegq_f32(x)));
}

MARTLET_INLINE float32x4_t sigmoid(float32x4_t x) {
  return vdivq_f32(vdupq_n_f32(1.0f), sigmoid_denominator(x));
}

// y[i][j] = function(x[i][j])
#define MAP_ROWS(name, function)                                                         \
  void martlet_##name##_neon(const martlet_map_rows_params *p) {                         \
    for (ptrdiff_t i = 0; i < p->m; ++i) {                                               \
      const float *x = p->source + i * p->source_stride;                                 \
      float *y = p->destination + i * p->destination_stride;                             \
      for (ptrdiff_t j = 0; j < p->width; j += 4) {                                      \
        martlet_neon_store(y, j, p->width, function(martlet_neon_load(x, j, p->width))); \
      }                                                                                  \
    }                                                                                    \
  }

MAP_ROWS(gelu, martlet_neon_gelu)
MAP_ROWS(relu, martlet_neon_relu)
MAP_ROWS(sigmoid, sigmoid)

void martlet_silu_gate_neon(const martlet_map_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 4) {
      float32x4_t gate = martlet_neon_load(x, j, p->width);
      float32x4_t up = martlet_neon_load(x + p->width, j, p->width);
      float32x4_t silu = vdivq_f32(gate, sigmoid_denominator(gate));
      martlet_neon_store(y, j, p->width, vmulq_f32(silu, up));
    }
  }
}

void martlet_add_neon(const martlet_add_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *a = p->a + i * p->a_stride;
    const float *b = p->b + i * p->b_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 4) {
      float32x4_t sum =
        vaddq_f32(martlet_neon_load(a, j, p->width), martlet_neon_load(b, j, p->width));
      martlet_neon_store(y, j, p->width, sum);
    }
  }
}

void martlet_add_scaled_neon(const martlet_add_scaled_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *a = p->a + i * p->a_stride;
    const float *b = p->b + i * p->b_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 4) {
      float32x4_t offset =
        p->offset ? martlet_neon_load(p->offset, j, p->width) : vdupq_n_f32(0.0f);
      float32x4_t scaled = vfmaq_f32(
        offset, martlet_neon_load(b, j, p->width), martlet_neon_load(p->scale, j, p->width));
      martlet_neon_store(
        y, j, p->width, vaddq_f32(scaled, martlet_neon_load(a, j, p->width)));
    }
  }
}

void martlet_scale_columns_neon(const martlet_scale_columns_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 4) {
      float32x4_t value = martlet_neon_load(x, j, p->width);
      float32x4_t scale = martlet_neon_load(p->scale, j, p->width);
      value = p->offset ? vfmaq_f32(martlet_neon_load(p->offset, j, p->width), value, scale)
                        : vmulq_f32(value, scale);
      martlet_neon_store(y, j, p->width, value);
    }
  }
}

void martlet_sum_columns_neon(const martlet_sum_columns_params *p) {
  for (ptrdiff_t j = 0; j < p->width; j += 4) {
    float32x4_t sum = martlet_neon_load(p->sums, j, p->width);
    for (ptrdiff_t i = 0; i < p->m; ++i) {
      sum = vaddq_f32(sum, martlet_neon_load(p->source + i * p->source_stride, j, p->width));
    }
    martlet_neon_store(p->sums, j, p->width, sum);
  }
}

#endif
