#if defined(__x86_64__)

// Products of 8-bit activations and 4-bit weights by the 256-bit `vpdpbusd`, which adds to 32 bits exactly.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c,avxvnni")

#include "../avx2/avx2_math.h"

MARTLET_INLINE __m256i with_products(__m256i sum, __m256i a, __m256i codes) {
  return _mm256_dpbusd_avx_epi32(sum, a, codes);
}

MARTLET_INLINE __m256i products(__m256i a, __m256i codes) {
  return with_products(_mm256_setzero_si256(), a, codes);
}

MARTLET_INLINE __m256i group_sum(__m256i sum) { return sum; }

#include "../avx2/u8s4_tiles.h"

void martlet_gemm_u8s4_avxvnni(const martlet_gemm_u8s4_params *p) { u8s4_product(p); }

MARTLET_END_TARGET

#endif
