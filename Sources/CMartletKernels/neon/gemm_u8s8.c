#if defined(__aarch64__)

// Products of 8-bit activations and 8-bit weights.
//
// ARMv8.0 multiplies bytes of one sign only, so 128 is taken from each activation. `smull` then gives eight products of
// at most 16,384 in 16 bits, and `sadalp` adds neighboring pairs of them to 32 bits: exact whatever the numbers, where two
// products in 16 bits would not be. The loop over a tile, for one panel:
//
//   for k in steps of 4, for row i, for output o:
//     pairs[i][o][0] += a[i][k] w[o][k] + a[i][k+1] w[o][k+1];  pairs[i][o][1] += the other two
//
// Three rows × sixteen outputs fill 24 accumulators. Rows are copied once into a buffer that stays in the caches.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

enum {
  SHIFT = 128,
  /// Rows of a block, with sixteen outputs each.
  BLOCK = 3,
  /// Rows whose copied slices lie in the cache together.
  ROWS = 96,
  /// Inputs in a slice; a panel's slice is 8 KiB.
  DEPTH = 512,
  /// Panels that use a copied slice of rows.
  GROUP = 4,
};

/// Sums of a panel: `[row][16 outputs]`.
typedef int32_t panel_sums[ROWS][16];

/// Copied rows, 128 taken from each activation: blocks of up to three rows, `[step][row][4 inputs]`.
typedef int8_t row_slice[ROWS * DEPTH];

MARTLET_INLINE void copy_rows(
  const martlet_gemm_u8s8_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t slice,
  int8_t *a
) {
  for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
    ptrdiff_t count = rows - i < BLOCK ? rows - i : BLOCK;
    for (ptrdiff_t r = 0; r < count; ++r) {
      const uint8_t *row = p->rows + (first + i + r) * p->row_stride + k;
      int8_t *to = a + i * slice + 4 * r;
      for (ptrdiff_t s = 0; s < slice; s += 4) {
        uint32_t four;
        memcpy(&four, row + s, sizeof four);
        four ^= 0x80808080u;
        memcpy(to + s * count, &four, sizeof four);
      }
    }
  }
}

/// Adds the products of `count` rows with sixteen outputs over `steps` blocks of four inputs.
MARTLET_INLINE void block(
  int count, const int8_t *a, const int8_t *w, ptrdiff_t steps, bool is_first, int32_t (*sums)[16]
) {
  int32x4_t pairs[8 * BLOCK];
  MARTLET_UNROLL
  for (int i = 0; i < 8 * count; ++i) pairs[i] = vdupq_n_s32(0);
  for (ptrdiff_t s = 0; s < steps; ++s) {
    int8x8_t x[BLOCK];
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      int32_t four;
      memcpy(&four, a + 4 * (s * count + i), sizeof four);
      x[i] = vreinterpret_s8_s32(vdup_n_s32(four));
    }
    MARTLET_UNROLL
    for (int j = 0; j < 8; ++j) {
      int8x8_t codes = vld1_s8(w + 64 * s + 8 * j);
      MARTLET_UNROLL
      for (int i = 0; i < count; ++i) {
        pairs[8 * i + j] = vpadalq_s16(pairs[8 * i + j], vmull_s8(codes, x[i]));
        MARTLET_ORDERED(pairs[8 * i + j]);
      }
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < 4 * count; ++i) {
    int32_t *to = sums[i / 4] + 4 * (i % 4);
    int32x4_t sum = vpaddq_s32(pairs[2 * i], pairs[2 * i + 1]);
    vst1q_s32(to, is_first ? sum : vaddq_s32(sum, vld1q_s32(to)));
  }
}

/// The inner loop at its widest, apart so that its instructions can be counted.
__attribute__((noinline)) static void martlet_loop_gemm_u8s8_neon(
  const int8_t *a, const int8_t *w, ptrdiff_t steps, bool is_first, int32_t (*sums)[16]
) {
  block(BLOCK, a, w, steps, is_first, sums);
}

MARTLET_INLINE void panel_product(
  const int8_t *a, ptrdiff_t rows, const int8_t *w, ptrdiff_t steps, bool is_first,
  panel_sums sums
) {
  for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
    const int8_t *at = a + i * steps * 4;
    switch (rows - i) {
      case 1: block(1, at, w, steps, is_first, sums + i); break;
      case 2: block(2, at, w, steps, is_first, sums + i); break;
      default: martlet_loop_gemm_u8s8_neon(at, w, steps, is_first, sums + i); break;
    }
  }
}

#include "u8s8_tiles.h"

void martlet_gemm_u8s8_neon(const martlet_gemm_u8s8_params *p) { u8s8_product(p); }

#endif
