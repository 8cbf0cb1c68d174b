// What the AVX-512 kernels share: gelu, exp, reductions of sixteen lanes and the end of a product. Include it inside the target region; each
// function equals its scalar namesake.

#ifndef MARTLET_AVX512VNNI_MATH_H
#define MARTLET_AVX512VNNI_MATH_H

MARTLET_INLINE __m512 martlet_avx512vnni_relu(__m512 x) {
  return _mm512_max_ps(_mm512_setzero_ps(), x);
}

MARTLET_INLINE __m512 martlet_avx512vnni_gelu(__m512 x) {
  __m512 a = _mm512_abs_ps(x);
  a = _mm512_min_ps(_mm512_set1_ps(MARTLET_GELU_MAX), a);
  __m512 g = _mm512_fmadd_ps(
    _mm512_set1_ps(MARTLET_GELU_C8), a, _mm512_set1_ps(MARTLET_GELU_C7));
  g = _mm512_fmadd_ps(g, a, _mm512_set1_ps(MARTLET_GELU_C6));
  g = _mm512_fmadd_ps(g, a, _mm512_set1_ps(MARTLET_GELU_C5));
  g = _mm512_fmadd_ps(g, a, _mm512_set1_ps(MARTLET_GELU_C4));
  g = _mm512_fmadd_ps(g, a, _mm512_set1_ps(MARTLET_GELU_C3));
  g = _mm512_fmadd_ps(g, a, _mm512_set1_ps(MARTLET_GELU_C2));
  g = _mm512_fmadd_ps(g, a, _mm512_set1_ps(MARTLET_GELU_C1));
  g = _mm512_fmadd_ps(g, a, _mm512_set1_ps(MARTLET_GELU_C0));
  __m512 q = _mm512_mul_ps(_mm512_sub_ps(_mm512_set1_ps(MARTLET_GELU_MAX), a), g);
  q = _mm512_mul_ps(q, q);
  q = _mm512_mul_ps(q, q);
  __m512 tail = _mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(0.5f), a), q);
  return _mm512_sub_ps(martlet_avx512vnni_relu(x), tail);
}

MARTLET_INLINE __m512 martlet_avx512vnni_exp(__m512 x) {
  x = _mm512_min_ps(_mm512_set1_ps(MARTLET_EXP_MAX), x);
  x = _mm512_max_ps(_mm512_set1_ps(MARTLET_EXP_MIN), x);
  __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(MARTLET_LOG2_E)), 8);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-MARTLET_LN2_HIGH), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(-MARTLET_LN2_LOW), r);
  __m512 q = _mm512_fmadd_ps(
    _mm512_set1_ps(MARTLET_EXP_C6), r, _mm512_set1_ps(MARTLET_EXP_C5));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(MARTLET_EXP_C4));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(MARTLET_EXP_C3));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(MARTLET_EXP_C2));
  __m512 y = _mm512_add_ps(_mm512_fmadd_ps(_mm512_mul_ps(r, r), q, r), _mm512_set1_ps(1.0f));
  // Rounds once, as the two factors of the definition do.
  return _mm512_scalef_ps(y, n);
}

/// The sum of sixteen lanes: l with l + 8, then 4, 2, 1.
MARTLET_INLINE float martlet_avx512vnni_sum(__m512 lanes) {
  lanes = _mm512_add_ps(lanes, _mm512_shuffle_f32x4(lanes, lanes, 0x4E));
  lanes = _mm512_add_ps(lanes, _mm512_shuffle_f32x4(lanes, lanes, 0xB1));
  lanes = _mm512_add_ps(lanes, _mm512_shuffle_ps(lanes, lanes, 0x4E));
  lanes = _mm512_add_ps(lanes, _mm512_shuffle_ps(lanes, lanes, 0xB1));
  return _mm512_cvtss_f32(lanes);
}

/// The greatest of sixteen lanes, none of them NaN.
MARTLET_INLINE float martlet_avx512vnni_highest(__m512 lanes) {
  lanes = _mm512_max_ps(lanes, _mm512_shuffle_f32x4(lanes, lanes, 0x4E));
  lanes = _mm512_max_ps(lanes, _mm512_shuffle_f32x4(lanes, lanes, 0xB1));
  lanes = _mm512_max_ps(lanes, _mm512_shuffle_ps(lanes, lanes, 0x4E));
  lanes = _mm512_max_ps(lanes, _mm512_shuffle_ps(lanes, lanes, 0xB1));
  return _mm512_cvtss_f32(lanes);
}

/// The smallest of sixteen lanes, none of them NaN.
MARTLET_INLINE float martlet_avx512vnni_lowest(__m512 lanes) {
  lanes = _mm512_min_ps(lanes, _mm512_shuffle_f32x4(lanes, lanes, 0x4E));
  lanes = _mm512_min_ps(lanes, _mm512_shuffle_f32x4(lanes, lanes, 0xB1));
  lanes = _mm512_min_ps(lanes, _mm512_shuffle_ps(lanes, lanes, 0x4E));
  lanes = _mm512_min_ps(lanes, _mm512_shuffle_ps(lanes, lanes, 0xB1));
  return _mm512_cvtss_f32(lanes);
}

/// Lanes 0 ..< count set, count clamped to 0…16.
MARTLET_INLINE __mmask16 martlet_avx512vnni_mask(ptrdiff_t count) {
  return count >= 16 ? 0xFFFF : (__mmask16)((1u << count) - 1);
}

/// The bias of the panel at `output`, lanes beyond `mask` +0.
MARTLET_INLINE __m512 martlet_avx512vnni_bias(
  const martlet_epilogue *epilogue, ptrdiff_t output, __mmask16 mask
) {
  return epilogue->bias ? _mm512_maskz_loadu_ps(mask, epilogue->bias + output)
                        : _mm512_setzero_ps();
}

/// Activation, residual and store of the panel at `output` of row `i`; `destination` points at the row's output 0.
MARTLET_INLINE void martlet_avx512vnni_finish(
  __m512 y, const martlet_epilogue *epilogue, ptrdiff_t i, ptrdiff_t output, __mmask16 mask,
  float *destination
) {
  if (epilogue->activation == MARTLET_ACTIVATION_GELU) y = martlet_avx512vnni_gelu(y);
  if (epilogue->activation == MARTLET_ACTIVATION_RELU) y = martlet_avx512vnni_relu(y);
  if (epilogue->residual) {
    const float *residual = epilogue->residual + i * epilogue->residual_stride + output;
    y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, residual));
  }
  _mm512_mask_storeu_ps(destination + output, mask, y);
}

#endif
