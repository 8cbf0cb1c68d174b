#if defined(__x86_64__)

// Functions of single elements and of columns, eight at a time, with a masked tail.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

MARTLET_INLINE __m256 sigmoid_denominator(__m256 x) {
  __m256 negative = _mm256_xor_ps(_mm256_set1_ps(-0.0f), x);
  return _mm256_add_ps(_mm256_set1_ps(1.0f), martlet_avx2_exp(negative));
}

MARTLET_INLINE __m256 sigmoid(__m256 x) {
  return _mm256_div_ps(_mm256_set1_ps(1.0f), sigmoid_denominator(x));
}

// y[i][j] = function(x[i][j])
#define MAP_ROWS(name, function)                                        \
  void martlet_##name##_avx2(const martlet_map_rows_params *p) {        \
    for (ptrdiff_t i = 0; i < p->m; ++i) {                              \
      const float *x = p->source + i * p->source_stride;                \
      float *y = p->destination + i * p->destination_stride;            \
      for (ptrdiff_t j = 0; j < p->width; j += 8) {                     \
        martlet_avx2_store(y, j, p->width, function(martlet_avx2_load(x, j, p->width)));          \
      }                                                                 \
    }                                                                   \
  }

MAP_ROWS(gelu, martlet_avx2_gelu)
MAP_ROWS(relu, martlet_avx2_relu)
MAP_ROWS(sigmoid, sigmoid)

void martlet_silu_gate_avx2(const martlet_map_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 8) {
      __m256 gate = martlet_avx2_load(x, j, p->width);
      __m256 up = martlet_avx2_load(x + p->width, j, p->width);
      __m256 silu = _mm256_div_ps(gate, sigmoid_denominator(gate));
      martlet_avx2_store(y, j, p->width, _mm256_mul_ps(silu, up));
    }
  }
}

void martlet_add_avx2(const martlet_add_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *a = p->a + i * p->a_stride;
    const float *b = p->b + i * p->b_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 8) {
      martlet_avx2_store(y, j, p->width, _mm256_add_ps(martlet_avx2_load(a, j, p->width), martlet_avx2_load(b, j, p->width)));
    }
  }
}

void martlet_add_scaled_avx2(const martlet_add_scaled_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *a = p->a + i * p->a_stride;
    const float *b = p->b + i * p->b_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 8) {
      __m256 offset = p->offset ? martlet_avx2_load(p->offset, j, p->width) : _mm256_setzero_ps();
      __m256 scaled = _mm256_fmadd_ps(
        martlet_avx2_load(b, j, p->width), martlet_avx2_load(p->scale, j, p->width), offset);
      martlet_avx2_store(
        y, j, p->width, _mm256_add_ps(scaled, martlet_avx2_load(a, j, p->width)));
    }
  }
}

void martlet_scale_columns_avx2(const martlet_scale_columns_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; j += 8) {
      __m256 value = martlet_avx2_load(x, j, p->width);
      __m256 scale = martlet_avx2_load(p->scale, j, p->width);
      value = p->offset ? _mm256_fmadd_ps(value, scale, martlet_avx2_load(p->offset, j, p->width))
                        : _mm256_mul_ps(value, scale);
      martlet_avx2_store(y, j, p->width, value);
    }
  }
}

void martlet_sum_columns_avx2(const martlet_sum_columns_params *p) {
  for (ptrdiff_t j = 0; j < p->width; j += 8) {
    __m256 sum = martlet_avx2_load(p->sums, j, p->width);
    for (ptrdiff_t i = 0; i < p->m; ++i) {
      sum = _mm256_add_ps(sum, martlet_avx2_load(p->source + i * p->source_stride, j, p->width));
    }
    martlet_avx2_store(p->sums, j, p->width, sum);
  }
}

MARTLET_END_TARGET

#endif
