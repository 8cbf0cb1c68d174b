#if defined(__x86_64__)

// Products of 8-bit activations and 4-bit weights by the 256-bit `vpdpbusd`. The loop over a tile, for eight
// outputs:
//
//   for group g, for row i:
//     Y[i][o] = fma((float)sum over the group of a[i][k] code[o][k], scale[g][o], Y[i][o])

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c,avxvnni")

#include "../avx2/avx2_math.h"

/// The exact sums of one group for one row, in two chains.
MARTLET_INLINE __m256i group_sum(const uint8_t *a, const __m256i codes[8]) {
  __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  MARTLET_UNROLL
  for (int j = 0; j < 8; ++j) {
    int32_t four;
    memcpy(&four, a + 4 * j, sizeof four);
    sums[j % 2] = _mm256_dpbusd_avx_epi32(sums[j % 2], _mm256_set1_epi32(four), codes[j]);
  }
  return _mm256_add_epi32(sums[0], sums[1]);
}

#include "../avx2/u8s4_tiles.h"

void martlet_gemm_u8s4_avxvnni(const martlet_gemm_u8s4_params *p) { u8s4_product(p); }

MARTLET_END_TARGET

#endif
