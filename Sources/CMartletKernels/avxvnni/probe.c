#if defined(__x86_64__)

// Peak rate: the inner instruction of the products, on registers.

#include "../kernel_declarations.h"
#include "../martlet_intrinsics.h"

MARTLET_BEGIN_TARGET("avx2,fma,f16c,avxvnni")

/// Twelve times per round: `vpdpbusd`; 32 multiply-adds each.
void martlet_probe_int8_avxvnni(const martlet_probe_params *p) {
  __m256i sums[12];
  for (int i = 0; i < 12; ++i) sums[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi8(3);
  __m256i b = _mm256_set1_epi8(5);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 12; ++i) sums[i] = _mm256_dpbusd_avx_epi32(sums[i], a, b);
  }
  MARTLET_UNROLL
  for (int i = 0; i < 12; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 12 * 32;
}

MARTLET_END_TARGET

#endif
