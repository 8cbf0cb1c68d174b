#if defined(__aarch64__)

// Products of 8-bit activations and 4-bit weights.
//
// Codes are stored as 0…15, so a product is at most 3825 and the eight that one 16-bit lane sees in a group of 32 inputs
// are 30,600 together: `umlal` adds them in 16 bits. The loop over a tile, for eight outputs:
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

#include "neon_math.h"

MARTLET_INLINE void group_sums(
  const uint8_t *a, const uint8x16_t codes[16], int32_t start, int32x4_t sums[2]
) {
  uint16x8_t pairs[4] = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0)};
  MARTLET_UNROLL
  for (int t = 0; t < 8; ++t) {
    uint32_t four;
    memcpy(&four, a + 4 * t, sizeof four);
    uint8x16_t x = vreinterpretq_u8_u32(vdupq_n_u32(four));
    // Knowing that both halves are equal, the compiler would bring the other operand's upper half down for each use.
    MARTLET_ORDERED(x);
    MARTLET_UNROLL
    for (int q = 0; q < 2; ++q) {
      uint8x16_t w = codes[2 * t + q];
      pairs[2 * q] = vmlal_u8(pairs[2 * q], vget_low_u8(w), vget_low_u8(x));
      pairs[2 * q + 1] = vmlal_high_u8(pairs[2 * q + 1], w, x);
    }
  }
  MARTLET_UNROLL
  for (int q = 0; q < 2; ++q) {
    uint32x4_t sum = vpaddq_u32(vpaddlq_u16(pairs[2 * q]), vpaddlq_u16(pairs[2 * q + 1]));
    sums[q] = vaddq_s32(vreinterpretq_s32_u32(sum), vdupq_n_s32(start));
  }
}

#define LOOP_NAME martlet_loop_gemm_u8s4_neon
#include "u8s4_tiles.h"

void martlet_gemm_u8s4_neon(const martlet_gemm_u8s4_params *p) { u8s4_product(p); }

#endif
