#if defined(__x86_64__)

// Products of float rows and float panels. The loop over a tile, for one panel of 16 outputs:
//
//   for k, for row i, for output o: y[i][o] = fma(a[i][k], w[k][o], y[i][o])
//
// Six rows × sixteen outputs fill twelve accumulators. K is cut into slices so that a panel's slice stays in
// the level-1 cache while all rows of the tile pass; the sums wait in a buffer between slices. One or two
// rows take several panels at once instead, since a chain of fused multiply-adds cannot be cut.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

enum {
  /// Rows of a block, with sixteen outputs each.
  BLOCK = 6,
  /// Rows of a tile.
  ROWS = 96,
  /// Inputs in a slice; a panel's slice is 16 KiB.
  DEPTH = 256,
  /// Panels that use a slice of rows while it is in the cache.
  GROUP = 4,
};

/// Sums of a panel: `[row][16 outputs]`.
typedef float panel_sums[ROWS][16];

/// Adds `depth` inputs of `count` rows to the sums of `panels` panels.
MARTLET_INLINE void block(
  int count, int panels, const float *a, ptrdiff_t row_stride, const float *w,
  ptrdiff_t panel_stride, ptrdiff_t depth, panel_sums *sums, ptrdiff_t row
) {
  __m256 y[12];
  MARTLET_UNROLL
  for (int i = 0; i < count * panels; ++i) {
    const float *sum = sums[i / count][row + i % count];
    y[2 * i] = _mm256_loadu_ps(sum);
    y[2 * i + 1] = _mm256_loadu_ps(sum + 8);
  }
  for (ptrdiff_t k = 0; k < depth; ++k) {
    MARTLET_UNROLL
    for (int g = 0; g < panels; ++g) {
      __m256 w0 = _mm256_loadu_ps(w + g * panel_stride + 16 * k);
      __m256 w1 = _mm256_loadu_ps(w + g * panel_stride + 16 * k + 8);
      MARTLET_UNROLL
      for (int i = 0; i < count; ++i) {
        __m256 x = _mm256_broadcast_ss(a + i * row_stride + k);
        int at = 2 * (g * count + i);
        y[at] = _mm256_fmadd_ps(x, w0, y[at]);
        y[at + 1] = _mm256_fmadd_ps(x, w1, y[at + 1]);
      }
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < count * panels; ++i) {
    float *sum = sums[i / count][row + i % count];
    _mm256_storeu_ps(sum, y[2 * i]);
    _mm256_storeu_ps(sum + 8, y[2 * i + 1]);
  }
}

/// A slice of `panels` panels with every row of the tile.
static void slice_of_panels(
  ptrdiff_t rows, ptrdiff_t panels, const float *a, ptrdiff_t row_stride, const float *w,
  ptrdiff_t panel_stride, ptrdiff_t depth, panel_sums *sums
) {
  if (panels == 4 && rows == 1) {
    block(1, 4, a, row_stride, w, panel_stride, depth, sums, 0);
    return;
  }
  for (ptrdiff_t g = 0; g < panels; ++g, w += panel_stride, ++sums) {
    for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
      const float *at = a + i * row_stride;
      switch (rows - i) {
        case 1: block(1, 1, at, row_stride, w, 0, depth, sums, i); break;
        case 2: block(2, 1, at, row_stride, w, 0, depth, sums, i); break;
        case 3: block(3, 1, at, row_stride, w, 0, depth, sums, i); break;
        case 4: block(4, 1, at, row_stride, w, 0, depth, sums, i); break;
        case 5: block(5, 1, at, row_stride, w, 0, depth, sums, i); break;
        default: block(6, 1, at, row_stride, w, 0, depth, sums, i); break;
      }
    }
  }
}

/// All slices of `rows` rows with up to `GROUP` panels from `output` on.
static void tile(
  const martlet_gemm_f32_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output
) {
  _Alignas(64) panel_sums sums[GROUP];
  ptrdiff_t left = (p->n - output + 15) / 16;
  ptrdiff_t panels = left < GROUP ? left : GROUP;
  for (ptrdiff_t g = 0; g < panels; ++g) {
    martlet_avx2_panel panel = martlet_avx2_panel_at(output + 16 * g, p->n, &p->epilogue);
    for (ptrdiff_t r = 0; r < rows; ++r) {
      _mm256_storeu_ps(sums[g][r], panel.bias[0]);
      _mm256_storeu_ps(sums[g][r] + 8, panel.bias[1]);
    }
  }
  const float *a = p->rows + first * p->row_stride;
  const float *w = p->panels + output / 16 * p->panel_stride;
  for (ptrdiff_t k = 0; k < p->k; k += DEPTH) {
    ptrdiff_t depth = p->k - k < DEPTH ? p->k - k : DEPTH;
    slice_of_panels(
      rows, panels, a + k, p->row_stride, w + 16 * k, p->panel_stride, depth, sums);
  }
  for (ptrdiff_t g = 0; g < panels; ++g) {
    martlet_avx2_panel panel = martlet_avx2_panel_at(output + 16 * g, p->n, &p->epilogue);
    for (ptrdiff_t r = 0; r < rows; ++r) {
      ptrdiff_t i = first + r;
      martlet_avx2_finish(
        _mm256_loadu_ps(sums[g][r]), _mm256_loadu_ps(sums[g][r] + 8), &panel, i,
        p->destination + i * p->destination_stride);
    }
  }
}

void martlet_gemm_f32_avx2(const martlet_gemm_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    ptrdiff_t rows = p->m - i < ROWS ? p->m - i : ROWS;
    for (ptrdiff_t o = 0; o < p->n; o += 16 * GROUP) tile(p, i, rows, o);
  }
}

MARTLET_END_TARGET

#endif
