#if defined(__aarch64__)

// Products of 8-bit activations and 8-bit weights by `sdot`, which multiplies four inputs of four outputs and adds to 32
// bits exactly. It wants operands of one sign, so 128 is taken from each activation. The loop over a tile, for one panel:
//
//   for k in steps of 4, for row i, for outputs o: sums[i][o] += a[i][k …] · w[o][k …]
//
// Six rows × sixteen outputs fill 24 accumulators. The rows' inputs of a step lie together, so that the lanes of two
// registers name them.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("arch=armv8.2-a+dotprod")

#include "../neon/neon_math.h"

enum {
  SHIFT = 128,
  /// Rows of a block, with sixteen outputs each.
  BLOCK = 6,
  /// Rows whose copied slices lie in the cache together.
  ROWS = 96,
  /// Inputs in a slice; a panel's slice is 8 KiB.
  DEPTH = 512,
  /// Panels that use a copied slice of rows.
  GROUP = 4,
};

/// Sums of a panel: `[row][16 outputs]`.
typedef int32_t panel_sums[ROWS][16];

/// Copied rows, 128 taken from each activation: blocks of `[step][row][4 inputs]`, of six rows or, at the end, of fewer.
/// 16 bytes more than that are read.
typedef int8_t row_slice[ROWS * DEPTH + 16];

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
  memset(a + rows * slice, 0, 16);
}

/// Adds the products of `count` rows with sixteen outputs over `steps` blocks of four inputs.
MARTLET_INLINE void block(
  int count, const int8_t *a, const int8_t *w, ptrdiff_t steps, bool is_first, int32_t (*sums)[16]
) {
  int32x4_t y[4 * BLOCK];
  MARTLET_UNROLL
  for (int i = 0; i < 4 * count; ++i) y[i] = vdupq_n_s32(0);
  for (ptrdiff_t s = 0; s < steps; ++s) {
    const int8_t *x = a + 4 * s * count;
    int8x16_t four = vld1q_s8(x);
    int8x8_t two = count > 4 ? vld1_s8(x + 16) : vdup_n_s8(0);
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) {
      int8x16_t codes = vld1q_s8(w + 64 * s + 16 * j);
      y[j] = vdotq_laneq_s32(y[j], codes, four, 0);
      if (count > 1) y[4 + j] = vdotq_laneq_s32(y[4 + j], codes, four, 1);
      if (count > 2) y[8 + j] = vdotq_laneq_s32(y[8 + j], codes, four, 2);
      if (count > 3) y[12 + j] = vdotq_laneq_s32(y[12 + j], codes, four, 3);
      if (count > 4) y[16 + j] = vdotq_lane_s32(y[16 + j], codes, two, 0);
      if (count > 5) y[20 + j] = vdotq_lane_s32(y[20 + j], codes, two, 1);
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < 4 * count; ++i) {
    int32_t *to = sums[i / 4] + 4 * (i % 4);
    vst1q_s32(to, is_first ? y[i] : vaddq_s32(y[i], vld1q_s32(to)));
  }
}

/// The inner loop at its widest, apart so that its instructions can be counted.
__attribute__((noinline)) static void martlet_loop_gemm_u8s8_neon_dotprod(
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
      case 3: block(3, at, w, steps, is_first, sums + i); break;
      case 4: block(4, at, w, steps, is_first, sums + i); break;
      case 5: block(5, at, w, steps, is_first, sums + i); break;
      default: martlet_loop_gemm_u8s8_neon_dotprod(at, w, steps, is_first, sums + i); break;
    }
  }
}

#include "../neon/u8s8_tiles.h"

void martlet_gemm_u8s8_neon_dotprod(const martlet_gemm_u8s8_params *p) { u8s8_product(p); }

MARTLET_END_TARGET

#endif
