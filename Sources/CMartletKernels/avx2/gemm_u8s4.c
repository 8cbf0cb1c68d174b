#if defined(__x86_64__)

// Products of 8-bit activations and 4-bit weights.
//
// Codes lie in −8…7, so `vpmaddubsw` cannot saturate: a pair gives at most 255 · 8 · 2 = 4080 in magnitude, and the
// eight pairs that one 16-bit lane sees in a group of 32 inputs at most 32,640. The loop over a tile, for
// eight outputs:
//
//   for group g, for row i:
//     Y[i][o] = fma((float)sum over the group of a[i][k] code[o][k], scale[g][o], Y[i][o])
//
// The group's codes are unpacked once into eight registers and meet every row; rows are copied group by
// group into a buffer first, so that the inner loop reads memory in order.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

/// The exact sums of one group for one row.
MARTLET_INLINE __m256i group_sum(const uint8_t *a, const __m256i codes[8]) {
  __m256i pairs = _mm256_setzero_si256();
  MARTLET_UNROLL
  for (int j = 0; j < 8; ++j) {
    int32_t four;
    memcpy(&four, a + 4 * j, sizeof four);
    __m256i products = _mm256_maddubs_epi16(_mm256_set1_epi32(four), codes[j]);
    pairs = j == 0 ? products : _mm256_add_epi16(pairs, products);
  }
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

#include "u8s4_tiles.h"

void martlet_gemm_u8s4_avx2(const martlet_gemm_u8s4_params *p) { u8s4_product(p); }

MARTLET_END_TARGET

#endif
