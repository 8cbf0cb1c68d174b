#if defined(__x86_64__)

// Products of 8-bit activations and 4-bit weights.
//
// Codes lie in −8…7, so `vpmaddubsw` cannot saturate: a pair gives at most 255 · 8 · 2 = 4080 in magnitude, and the
// eight pairs that one 16-bit lane sees in a group of 32 inputs at most 32,640. They are widened once a group.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

/// Pairs in 16 bits.
MARTLET_INLINE __m256i products(__m256i a, __m256i codes) { return _mm256_maddubs_epi16(a, codes); }

MARTLET_INLINE __m256i with_products(__m256i sum, __m256i a, __m256i codes) {
  return _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, codes));
}

MARTLET_INLINE __m256i group_sum(__m256i sum) { return _mm256_madd_epi16(sum, _mm256_set1_epi16(1)); }

#include "u8s4_tiles.h"

void martlet_gemm_u8s4_avx2(const martlet_gemm_u8s4_params *p) { u8s4_product(p); }

MARTLET_END_TARGET

#endif
