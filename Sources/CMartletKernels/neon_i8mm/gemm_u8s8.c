#if defined(__aarch64__)

// Products of 8-bit activations and 8-bit weights by `usmmla`, which multiplies eight inputs of two rows and two outputs
// and adds to 32 bits exactly, activations unsigned and weights signed as they are. The loop over a tile, for half a
// panel:
//
//   for k in steps of 8, for rows i and i + 1, for outputs o and o + 1: sums[i…][o…] += a[i…][k …] · w[o…][k …]
//
// Twelve rows × eight outputs fill 24 accumulators. A panel's slice is brought into this order once for all rows. Of one to
// three rows half the work or more would be lost: they go the way of the dot products.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("arch=armv8.2-a+dotprod+i8mm")

#include "../neon/neon_math.h"

enum {
  SHIFT = 0,
  /// Pairs of rows of a block, with eight outputs each.
  PAIRS = 6,
  /// Rows whose copied slices lie in the cache together.
  ROWS = 96,
  /// Inputs in a slice; a panel's slice is 8 KiB.
  DEPTH = 512,
  /// Panels that use a copied slice of rows.
  GROUP = 4,
  /// The fewest rows for which this order pays.
  FEWEST = 4,
};

/// Sums of a panel: `[row][16 outputs]`, one row more for a pair that is not whole.
typedef int32_t panel_sums[ROWS + 1][16];

/// Copied rows: `[pair of rows][step of 8][row][8 inputs]`, zeros for what is not there.
typedef uint8_t row_slice[ROWS * DEPTH];

MARTLET_INLINE void copy_rows(
  const martlet_gemm_u8s8_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t slice,
  uint8_t *a
) {
  ptrdiff_t steps = (slice + 7) / 8;
  for (ptrdiff_t r = 0; r < (rows + 1) / 2 * 2; ++r) {
    uint8_t *to = a + r / 2 * steps * 16 + r % 2 * 8;
    if (r >= rows) {
      for (ptrdiff_t s = 0; s < steps; ++s) memset(to + 16 * s, 0, 8);
      continue;
    }
    const uint8_t *row = p->rows + (first + r) * p->row_stride + k;
    for (ptrdiff_t s = 0; s < slice / 8; ++s) memcpy(to + 16 * s, row + 8 * s, 8);
    if (slice % 8 != 0) {
      memset(to + 16 * (steps - 1), 0, 8);
      memcpy(to + 16 * (steps - 1), row + 8 * (steps - 1), 4);
    }
  }
}

/// Half a panel's slice as `[step of 8][pair of outputs][output][8 inputs]`, zeros for a last step of 4 inputs only.
MARTLET_INLINE void copy_half(const int8_t *codes, ptrdiff_t steps, int8_t *w) {
  for (ptrdiff_t s = 0; s < steps; s += 2) {
    MARTLET_UNROLL
    for (int j = 0; j < 2; ++j) {
      int32x4_t low = vreinterpretq_s32_s8(vld1q_s8(codes + 64 * s + 16 * j));
      int32x4_t high = vdupq_n_s32(0);
      if (s + 1 < steps) high = vreinterpretq_s32_s8(vld1q_s8(codes + 64 * (s + 1) + 16 * j));
      vst1q_s8(w + 32 * s + 32 * j, vreinterpretq_s8_s32(vzip1q_s32(low, high)));
      vst1q_s8(w + 32 * s + 32 * j + 16, vreinterpretq_s8_s32(vzip2q_s32(low, high)));
    }
  }
}

/// Adds the products of `pairs` pairs of rows with eight outputs over `steps` blocks of eight inputs; `sums` starts at
/// the half's first output.
MARTLET_INLINE void block(
  int pairs, const uint8_t *a, const int8_t *w, ptrdiff_t steps, bool is_first, int32_t *sums
) {
  int32x4_t y[4 * PAIRS];
  MARTLET_UNROLL
  for (int i = 0; i < 4 * pairs; ++i) y[i] = vdupq_n_s32(0);
  for (ptrdiff_t s = 0; s < steps; ++s) {
    int8x16_t codes[4];
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) codes[j] = vld1q_s8(w + 64 * s + 16 * j);
    MARTLET_UNROLL
    for (int i = 0; i < pairs; ++i) {
      uint8x16_t x = vld1q_u8(a + 16 * (i * steps + s));
      MARTLET_UNROLL
      for (int j = 0; j < 4; ++j) y[4 * i + j] = vusmmlaq_s32(y[4 * i + j], x, codes[j]);
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < 4 * pairs; ++i) {
    // Rows 2 (i / 4) and the next, outputs 2 (i % 4) and the next.
    int32_t *low = sums + 32 * (i / 4) + 2 * (i % 4);
    int32_t *high = low + 16;
    int32x2_t first = vget_low_s32(y[i]);
    int32x2_t second = vget_high_s32(y[i]);
    vst1_s32(low, is_first ? first : vadd_s32(first, vld1_s32(low)));
    vst1_s32(high, is_first ? second : vadd_s32(second, vld1_s32(high)));
  }
}

/// The inner loop at its widest, apart so that its instructions can be counted.
__attribute__((noinline)) static void martlet_loop_gemm_u8s8_neon_i8mm(
  const uint8_t *a, const int8_t *w, ptrdiff_t steps, bool is_first, int32_t *sums
) {
  block(PAIRS, a, w, steps, is_first, sums);
}

/// Half a panel with all rows.
static void half_product(
  const uint8_t *a, ptrdiff_t rows, const int8_t *w, ptrdiff_t steps, bool is_first, int32_t *sums
) {
  ptrdiff_t pairs = (rows + 1) / 2;
  for (ptrdiff_t i = 0; i < pairs; i += PAIRS) {
    const uint8_t *at = a + i * steps * 16;
    int32_t *to = sums + 32 * i;
    switch (pairs - i) {
      case 1: block(1, at, w, steps, is_first, to); break;
      case 2: block(2, at, w, steps, is_first, to); break;
      case 3: block(3, at, w, steps, is_first, to); break;
      case 4: block(4, at, w, steps, is_first, to); break;
      case 5: block(5, at, w, steps, is_first, to); break;
      default: martlet_loop_gemm_u8s8_neon_i8mm(at, w, steps, is_first, to); break;
    }
  }
}

MARTLET_INLINE void panel_product(
  const uint8_t *a, ptrdiff_t rows, const int8_t *codes, ptrdiff_t steps, bool is_first,
  panel_sums sums
) {
  _Alignas(64) int8_t w[8 * (DEPTH + 4)];
  for (int h = 0; h < 2; ++h) {
    copy_half(codes + 32 * h, steps, w);
    half_product(a, rows, w, (steps + 1) / 2, is_first, sums[0] + 8 * h);
  }
}

#include "../neon/u8s8_tiles.h"

void martlet_gemm_u8s8_neon_i8mm(const martlet_gemm_u8s8_params *p) {
  if (p->m < FEWEST) {
    martlet_gemm_u8s8_neon_dotprod(p);
  } else {
    u8s8_product(p);
  }
}

MARTLET_END_TARGET

#endif
