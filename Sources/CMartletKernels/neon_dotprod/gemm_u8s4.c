#if defined(__aarch64__)

// Products of 8-bit activations and 4-bit weights by `udot`, on codes as they are stored. The loop over a tile, for eight
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

MARTLET_BEGIN_TARGET("arch=armv8.2-a+dotprod")

#include "../neon/neon_math.h"

MARTLET_INLINE void group_sums(
  const uint8_t *a, const uint8x16_t codes[16], int32_t start, int32x4_t sums[2]
) {
  uint8x16_t low = vld1q_u8(a);
  uint8x16_t high = vld1q_u8(a + 16);
  MARTLET_UNROLL
  for (int q = 0; q < 2; ++q) {
    uint32x4_t y = vreinterpretq_u32_s32(vdupq_n_s32(start));
    y = vdotq_laneq_u32(y, codes[q], low, 0);
    y = vdotq_laneq_u32(y, codes[2 + q], low, 1);
    y = vdotq_laneq_u32(y, codes[4 + q], low, 2);
    y = vdotq_laneq_u32(y, codes[6 + q], low, 3);
    y = vdotq_laneq_u32(y, codes[8 + q], high, 0);
    y = vdotq_laneq_u32(y, codes[10 + q], high, 1);
    y = vdotq_laneq_u32(y, codes[12 + q], high, 2);
    y = vdotq_laneq_u32(y, codes[14 + q], high, 3);
    sums[q] = vreinterpretq_s32_u32(y);
  }
}

#define LOOP_NAME martlet_loop_gemm_u8s4_neon_dotprod
#include "../neon/u8s4_tiles.h"

void martlet_gemm_u8s4_neon_dotprod(const martlet_gemm_u8s4_params *p) { u8s4_product(p); }

MARTLET_END_TARGET

#endif
