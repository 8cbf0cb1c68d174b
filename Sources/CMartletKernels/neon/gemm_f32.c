#if defined(__aarch64__)

// Products of float rows and float panels. The loop over a tile, for one panel of 16 outputs:
//
//   for k, for row i, for output o: y[i][o] = fma(a[i][k], w[k][o], y[i][o])
//
// Five rows × sixteen outputs fill twenty accumulators; four inputs of a row are one register, whose lanes the
// multiply-adds name. K is cut into slices so that a panel's slice stays in the level-1 cache while all rows of the tile
// pass; the sums wait in a buffer between slices.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "neon_math.h"

enum {
  /// Rows of a block, with sixteen outputs each.
  BLOCK = 5,
  /// Rows of a tile.
  ROWS = 96,
  /// Inputs in a slice; a panel's slice is 16 KiB.
  DEPTH = 256,
};

/// Sums of a panel: `[row][16 outputs]`.
typedef float panel_sums[ROWS][16];

/// Adds input `lane` of `count` rows with one line of the panel.
#define ADD_INPUT(lane)                                                                  \
  do {                                                                                   \
    float32x4_t weights[4];                                                              \
    MARTLET_UNROLL                                                                       \
    for (int j = 0; j < 4; ++j) weights[j] = vld1q_f32(w + 16 * (k + (lane)) + 4 * j);   \
    MARTLET_UNROLL                                                                       \
    for (int i = 0; i < count; ++i) {                                                    \
      MARTLET_UNROLL                                                                     \
      for (int j = 0; j < 4; ++j) {                                                      \
        y[4 * i + j] = vfmaq_laneq_f32(y[4 * i + j], weights[j], x[i], lane);            \
      }                                                                                  \
    }                                                                                    \
  } while (0)

/// Adds `depth` inputs of `count` rows to their sums.
MARTLET_INLINE void block(
  int count, const float *a, ptrdiff_t row_stride, const float *w, ptrdiff_t depth, float (*sums)[16]
) {
  float32x4_t y[4 * BLOCK];
  MARTLET_UNROLL
  for (int i = 0; i < 4 * count; ++i) y[i] = vld1q_f32(sums[i / 4] + 4 * (i % 4));
  ptrdiff_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    float32x4_t x[BLOCK];
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) x[i] = vld1q_f32(a + i * row_stride + k);
    ADD_INPUT(0);
    ADD_INPUT(1);
    ADD_INPUT(2);
    ADD_INPUT(3);
  }
  for (; k < depth; ++k) {
    float32x4_t x[BLOCK];
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) x[i] = vld1q_dup_f32(a + i * row_stride + k);
    ADD_INPUT(0);
  }
  MARTLET_UNROLL
  for (int i = 0; i < 4 * count; ++i) vst1q_f32(sums[i / 4] + 4 * (i % 4), y[i]);
}

/// The inner loop at its widest, apart so that its instructions can be counted.
__attribute__((noinline)) static void martlet_loop_gemm_f32_neon(
  const float *a, ptrdiff_t row_stride, const float *w, ptrdiff_t depth, float (*sums)[16]
) {
  block(BLOCK, a, row_stride, w, depth, sums);
}

/// A slice of a panel with every row of the tile.
static void slice_of_panel(
  ptrdiff_t rows, const float *a, ptrdiff_t row_stride, const float *w, ptrdiff_t depth,
  panel_sums sums
) {
  for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
    const float *at = a + i * row_stride;
    switch (rows - i) {
      case 1: block(1, at, row_stride, w, depth, sums + i); break;
      case 2: block(2, at, row_stride, w, depth, sums + i); break;
      case 3: block(3, at, row_stride, w, depth, sums + i); break;
      case 4: block(4, at, row_stride, w, depth, sums + i); break;
      default: martlet_loop_gemm_f32_neon(at, row_stride, w, depth, sums + i); break;
    }
  }
}

/// All slices of `rows` rows with the panel from `output` on.
static void tile(
  const martlet_gemm_f32_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output
) {
  _Alignas(64) panel_sums sums;
  martlet_neon_panel panel = martlet_neon_panel_at(output, p->n, &p->epilogue);
  for (ptrdiff_t r = 0; r < rows; ++r) {
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) vst1q_f32(sums[r] + 4 * j, panel.bias[j]);
  }
  const float *a = p->rows + first * p->row_stride;
  const float *w = p->panels + output / 16 * p->panel_stride;
  for (ptrdiff_t k = 0; k < p->k; k += DEPTH) {
    ptrdiff_t depth = p->k - k < DEPTH ? p->k - k : DEPTH;
    slice_of_panel(rows, a + k, p->row_stride, w + 16 * k, depth, sums);
  }
  for (ptrdiff_t r = 0; r < rows; ++r) {
    ptrdiff_t i = first + r;
    float32x4_t y[4];
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) y[j] = vld1q_f32(sums[r] + 4 * j);
    martlet_neon_finish(y, &panel, i, p->destination + i * p->destination_stride);
  }
}

void martlet_gemm_f32_neon(const martlet_gemm_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    ptrdiff_t rows = p->m - i < ROWS ? p->m - i : ROWS;
    for (ptrdiff_t o = 0; o < p->n; o += 16) tile(p, i, rows, o);
  }
}

#endif
