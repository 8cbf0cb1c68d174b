#if defined(__x86_64__)

// Peak rates: the inner instructions of the products, on registers.

#include "../kernel_declarations.h"
#include "../martlet_intrinsics.h"

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

/// Twelve times per round: `vpmaddwd`, `vpaddd`; 16 multiply-adds each.
void martlet_probe_int8_avx2(const martlet_probe_params *p) {
  __m256i sums[12];
  for (int i = 0; i < 12; ++i) sums[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi16(3);
  __m256i b = _mm256_set1_epi16(5);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 12; ++i) {
      // Without this the compiler would take the equal products out of the loop.
      __asm__ volatile("" : "+x"(a));
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(a, b));
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < 12; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 12 * 16;
}

/// Twelve times per round: `vfmadd`; 8 multiply-adds each.
void martlet_probe_f32_avx2(const martlet_probe_params *p) {
  __m256 sums[12];
  for (int i = 0; i < 12; ++i) sums[i] = _mm256_set1_ps((float)i);
  __m256 a = _mm256_set1_ps(0.5f);
  __m256 b = _mm256_set1_ps(1.0f);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 12; ++i) sums[i] = _mm256_fmadd_ps(sums[i], a, b);
  }
  MARTLET_UNROLL
  for (int i = 0; i < 12; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 12 * 8;
}

MARTLET_END_TARGET

#endif
