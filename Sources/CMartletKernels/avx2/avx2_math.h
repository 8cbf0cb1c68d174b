// What every AVX2 kernel shares: masks for tails, the 16 lanes of a reduction, exp and gelu, and the end of
// a matrix product. Include it inside the target region; each function equals its scalar namesake.

#ifndef MARTLET_AVX2_MATH_H
#define MARTLET_AVX2_MATH_H

/// Lanes 0 ..< count set, count clamped to 0…8.
MARTLET_INLINE __m256i martlet_avx2_mask(ptrdiff_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  int32_t limit = count > 8 ? 8 : count < 0 ? 0 : (int32_t)count;
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(limit), lanes);
}

/// Eight elements of a row of `width` from `j` on; those beyond the row are not read and come as 0.
MARTLET_INLINE __m256 martlet_avx2_load(const float *x, ptrdiff_t j, ptrdiff_t width) {
  return j + 8 <= width ? _mm256_loadu_ps(x + j)
                        : _mm256_maskload_ps(x + j, martlet_avx2_mask(width - j));
}

/// Stores eight elements; those beyond the row are not touched. Masked stores are slow on some machines, so
/// whole ones go the plain way.
MARTLET_INLINE void martlet_avx2_store(float *y, ptrdiff_t j, ptrdiff_t width, __m256 value) {
  if (j + 8 <= width) {
    _mm256_storeu_ps(y + j, value);
  } else {
    _mm256_maskstore_ps(y + j, martlet_avx2_mask(width - j), value);
  }
}

/// The sum of 16 lanes.
MARTLET_INLINE float martlet_avx2_sum(__m256 low, __m256 high) {
  __m256 eight = _mm256_add_ps(low, high);
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

MARTLET_INLINE __m256 martlet_avx2_relu(__m256 x) {
  return _mm256_max_ps(_mm256_setzero_ps(), x);
}

MARTLET_INLINE __m256 martlet_avx2_gelu(__m256 x) {
  __m256 a = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
  a = _mm256_min_ps(_mm256_set1_ps(MARTLET_GELU_MAX), a);
  __m256 g = _mm256_fmadd_ps(
    _mm256_set1_ps(MARTLET_GELU_C8), a, _mm256_set1_ps(MARTLET_GELU_C7));
  g = _mm256_fmadd_ps(g, a, _mm256_set1_ps(MARTLET_GELU_C6));
  g = _mm256_fmadd_ps(g, a, _mm256_set1_ps(MARTLET_GELU_C5));
  g = _mm256_fmadd_ps(g, a, _mm256_set1_ps(MARTLET_GELU_C4));
  g = _mm256_fmadd_ps(g, a, _mm256_set1_ps(MARTLET_GELU_C3));
  g = _mm256_fmadd_ps(g, a, _mm256_set1_ps(MARTLET_GELU_C2));
  g = _mm256_fmadd_ps(g, a, _mm256_set1_ps(MARTLET_GELU_C1));
  g = _mm256_fmadd_ps(g, a, _mm256_set1_ps(MARTLET_GELU_C0));
  __m256 q = _mm256_mul_ps(_mm256_sub_ps(_mm256_set1_ps(MARTLET_GELU_MAX), a), g);
  q = _mm256_mul_ps(q, q);
  q = _mm256_mul_ps(q, q);
  __m256 tail = _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(0.5f), a), q);
  return _mm256_sub_ps(martlet_avx2_relu(x), tail);
}

/// 2 to the power of each lane, −126 … 127.
MARTLET_INLINE __m256 martlet_avx2_power_of_two(__m256i i) {
  return _mm256_castsi256_ps(
    _mm256_slli_epi32(_mm256_add_epi32(i, _mm256_set1_epi32(127)), 23));
}

MARTLET_INLINE __m256 martlet_avx2_exp(__m256 x) {
  x = _mm256_min_ps(_mm256_set1_ps(MARTLET_EXP_MAX), x);
  x = _mm256_max_ps(_mm256_set1_ps(MARTLET_EXP_MIN), x);
  __m256 n = _mm256_round_ps(
    _mm256_mul_ps(x, _mm256_set1_ps(MARTLET_LOG2_E)),
    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-MARTLET_LN2_HIGH), x);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(-MARTLET_LN2_LOW), r);
  __m256 q = _mm256_fmadd_ps(
    _mm256_set1_ps(MARTLET_EXP_C6), r, _mm256_set1_ps(MARTLET_EXP_C5));
  q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(MARTLET_EXP_C4));
  q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(MARTLET_EXP_C3));
  q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(MARTLET_EXP_C2));
  __m256 y = _mm256_add_ps(_mm256_fmadd_ps(_mm256_mul_ps(r, r), q, r), _mm256_set1_ps(1.0f));
  __m256i exponent = _mm256_cvtps_epi32(n);
  __m256i half = _mm256_srai_epi32(exponent, 1);
  y = _mm256_mul_ps(y, martlet_avx2_power_of_two(half));
  return _mm256_mul_ps(y, martlet_avx2_power_of_two(_mm256_sub_epi32(exponent, half)));
}

MARTLET_INLINE __m256 martlet_avx2_activate(__m256 x, martlet_activation activation) {
  if (activation == MARTLET_ACTIVATION_GELU) return martlet_avx2_gelu(x);
  if (activation == MARTLET_ACTIVATION_RELU) return martlet_avx2_relu(x);
  return x;
}

/// What the outputs of one panel have in common at the end of a product.
typedef struct martlet_avx2_panel {
  /// Lanes that are real outputs.
  __m256i mask[2];
  __m256 bias[2];
  const martlet_epilogue *epilogue;
  /// First output of the panel.
  ptrdiff_t output;
  bool full;
} martlet_avx2_panel;

/// The panel that starts at `output` of `n`.
MARTLET_INLINE martlet_avx2_panel martlet_avx2_panel_at(
  ptrdiff_t output, ptrdiff_t n, const martlet_epilogue *epilogue
) {
  martlet_avx2_panel panel;
  panel.epilogue = epilogue;
  panel.output = output;
  panel.full = n - output >= 16;
  for (int h = 0; h < 2; ++h) {
    panel.mask[h] = martlet_avx2_mask(n - output - 8 * h);
    panel.bias[h] =
      epilogue->bias ? _mm256_maskload_ps(epilogue->bias + output + 8 * h, panel.mask[h])
                     : _mm256_setzero_ps();
  }
  return panel;
}

/// Activation, residual and store of 16 outputs of row `i`; `destination` points at the row's output 0.
MARTLET_INLINE void martlet_avx2_finish(
  __m256 low, __m256 high, const martlet_avx2_panel *panel, ptrdiff_t i, float *destination
) {
  const martlet_epilogue *epilogue = panel->epilogue;
  low = martlet_avx2_activate(low, epilogue->activation);
  high = martlet_avx2_activate(high, epilogue->activation);
  const float *residual =
    epilogue->residual ? epilogue->residual + i * epilogue->residual_stride + panel->output : NULL;
  float *target = destination + panel->output;
  if (panel->full) {
    if (residual) {
      low = _mm256_add_ps(low, _mm256_loadu_ps(residual));
      high = _mm256_add_ps(high, _mm256_loadu_ps(residual + 8));
    }
    _mm256_storeu_ps(target, low);
    _mm256_storeu_ps(target + 8, high);
  } else {
    if (residual) {
      low = _mm256_add_ps(low, _mm256_maskload_ps(residual, panel->mask[0]));
      high = _mm256_add_ps(high, _mm256_maskload_ps(residual + 8, panel->mask[1]));
    }
    _mm256_maskstore_ps(target, panel->mask[0], low);
    _mm256_maskstore_ps(target + 8, panel->mask[1], high);
  }
}

#endif
