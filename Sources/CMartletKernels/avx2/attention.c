#if defined(__x86_64__)

// Rotary embedding and the packing of keys and values.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

static void rotate_head(float *head, ptrdiff_t half, const float *cosines, const float *sines) {
  for (ptrdiff_t j = 0; j < half; j += 8) {
    __m256 a1 = martlet_avx2_load(head, j, half);
    __m256 a2 = martlet_avx2_load(head + half, j, half);
    __m256 c = martlet_avx2_load(cosines, j, half);
    __m256 s = martlet_avx2_load(sines, j, half);
    // fma(a1, c, −(a2 s)), the subtraction inside being exact.
    __m256 y1 = _mm256_fmsub_ps(a1, c, _mm256_mul_ps(a2, s));
    __m256 y2 = _mm256_fmadd_ps(a2, c, _mm256_mul_ps(a1, s));
    martlet_avx2_store(head, j, half, y1);
    martlet_avx2_store(head + half, j, half, y2);
  }
}

void martlet_rotate_avx2(const martlet_rotate_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    for (ptrdiff_t h = 0; h < p->heads; ++h) {
      rotate_head(
        p->values + i * p->stride + h * p->head_size, p->head_size / 2,
        p->cosines + i * p->table_stride, p->sines + i * p->table_stride);
    }
  }
}

/// Writes eight rows × eight elements as eight elements × eight lanes.
MARTLET_INLINE void transpose(const float *source, ptrdiff_t stride, float *panel) {
  __m256 t[8];
  MARTLET_UNROLL
  for (int i = 0; i < 4; ++i) {
    // Rows i and i + 4, elements 0…3; then elements 4…7.
    const float *low = source + i * stride;
    const float *high = source + (i + 4) * stride;
    t[i] = _mm256_insertf128_ps(
      _mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
    t[4 + i] = _mm256_insertf128_ps(
      _mm256_castps128_ps256(_mm_loadu_ps(low + 4)), _mm_loadu_ps(high + 4), 1);
  }
  MARTLET_UNROLL
  for (int q = 0; q < 2; ++q) {
    __m256 a = _mm256_unpacklo_ps(t[4 * q], t[4 * q + 1]);
    __m256 b = _mm256_unpackhi_ps(t[4 * q], t[4 * q + 1]);
    __m256 c = _mm256_unpacklo_ps(t[4 * q + 2], t[4 * q + 3]);
    __m256 d = _mm256_unpackhi_ps(t[4 * q + 2], t[4 * q + 3]);
    float *to = panel + 64 * q;
    _mm256_storeu_ps(to, _mm256_shuffle_ps(a, c, _MM_SHUFFLE(1, 0, 1, 0)));
    _mm256_storeu_ps(to + 16, _mm256_shuffle_ps(a, c, _MM_SHUFFLE(3, 2, 3, 2)));
    _mm256_storeu_ps(to + 32, _mm256_shuffle_ps(b, d, _MM_SHUFFLE(1, 0, 1, 0)));
    _mm256_storeu_ps(to + 48, _mm256_shuffle_ps(b, d, _MM_SHUFFLE(3, 2, 3, 2)));
  }
}

void martlet_pack_keys_avx2(const martlet_pack_keys_params *p) {
  ptrdiff_t i = 0;
  while (i < p->m) {
    ptrdiff_t row = p->first + i;
    const float *source = p->source + i * p->source_stride;
    float *lane = p->panels + row / 16 * p->d * 16 + row % 16;
    ptrdiff_t c = 0;
    ptrdiff_t rows = row % 8 == 0 && p->m - i >= 8 ? 8 : 1;
    if (rows == 8) {
      for (; c + 8 <= p->d; c += 8) transpose(source + c, p->source_stride, lane + 16 * c);
    }
    for (; c < p->d; ++c) {
      for (ptrdiff_t r = 0; r < rows; ++r) lane[16 * c + r] = source[r * p->source_stride + c];
    }
    i += rows;
  }
}

void martlet_pack_values_avx2(const martlet_pack_values_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *source = p->source + i * p->source_stride;
    for (ptrdiff_t c = 0; c < p->d; c += 16) {
      float *to = p->panels + c / 16 * p->panel_stride + (p->first + i) * 16;
      _mm256_storeu_ps(to, martlet_avx2_load(source, c, p->d));
      // The second half may lie wholly beyond the row; then nothing is read.
      _mm256_storeu_ps(to + 8, martlet_avx2_load(source, c + 8, p->d));
    }
  }
}

MARTLET_END_TARGET

#endif
