#if defined(__x86_64__)

// Peak rates: the inner instructions of the products, on registers.

#include "../kernel_declarations.h"
#include "../martlet_intrinsics.h"

MARTLET_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

/// Twenty-four times per round: `vpdpbusd`; 64 multiply-adds each.
void martlet_probe_int8_avx512vnni(const martlet_probe_params *p) {
  __m512i sums[24];
  for (int i = 0; i < 24; ++i) sums[i] = _mm512_set1_epi32(i);
  __m512i a = _mm512_set1_epi8(3);
  __m512i b = _mm512_set1_epi8(5);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 24; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
  }
  MARTLET_UNROLL
  for (int i = 0; i < 24; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 24 * 64;
}

/// Twenty-four times per round: `vfmadd`; 16 multiply-adds each.
void martlet_probe_f32_avx512vnni(const martlet_probe_params *p) {
  __m512 sums[24];
  for (int i = 0; i < 24; ++i) sums[i] = _mm512_set1_ps((float)i);
  __m512 a = _mm512_set1_ps(0.5f);
  __m512 b = _mm512_set1_ps(1.0f);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 24; ++i) sums[i] = _mm512_fmadd_ps(sums[i], a, b);
  }
  MARTLET_UNROLL
  for (int i = 0; i < 24; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 24 * 16;
}

MARTLET_END_TARGET

#endif
