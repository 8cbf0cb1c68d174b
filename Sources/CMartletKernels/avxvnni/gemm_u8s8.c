#if defined(__x86_64__)

// Products of 8-bit activations and 8-bit weights by the 256-bit `vpdpbusd`, which multiplies four inputs of eight
// outputs and adds to 32 bits exactly. The loop over a tile:
//
//   for k in steps of 4, for panel g, for row i: sums[i][g] += a[i][k …] · w[g][k …]
//
// Six rows × one panel of two registers fill twelve accumulators; where there are fewer rows, more panels do.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c,avxvnni")

#include "../avx2/avx2_math.h"

enum {
  /// Rows of a block with one panel.
  ROWS = 6,
  /// Accumulators of a block.
  SUMS = 12,
};

/// Exact sums of `count` rows with `panels` panels from `output` on, and their end.
MARTLET_INLINE void block(
  const martlet_gemm_u8s8_params *p, int count, int panels, ptrdiff_t first, ptrdiff_t output
) {
  ptrdiff_t steps = (p->k + 3) / 4;
  const uint8_t *a = p->rows + first * p->row_stride;
  const int8_t *w = p->codes + output * steps * 4;
  int halves = 2 * panels;
  __m256i sums[SUMS];
  MARTLET_UNROLL
  for (int i = 0; i < count * halves; ++i) sums[i] = _mm256_setzero_si256();
  for (ptrdiff_t s = 0; s < steps; ++s) {
    MARTLET_UNROLL
    for (int g = 0; g < panels; ++g) {
      const __m256i *codes = (const __m256i *)(w + (g * steps + s) * 64);
      __m256i low = _mm256_loadu_si256(codes);
      __m256i high = _mm256_loadu_si256(codes + 1);
      MARTLET_UNROLL
      for (int i = 0; i < count; ++i) {
        int32_t four;
        memcpy(&four, a + i * p->row_stride + 4 * s, sizeof four);
        __m256i x = _mm256_set1_epi32(four);
        __m256i *sum = sums + i * halves + 2 * g;
        sum[0] = _mm256_dpbusd_avx_epi32(sum[0], x, low);
        sum[1] = _mm256_dpbusd_avx_epi32(sum[1], x, high);
      }
    }
  }
  // A loop from here on must not index the registers: they go to memory once.
  int32_t stored[SUMS][8];
  MARTLET_UNROLL
  for (int i = 0; i < count * halves; ++i) {
    _mm256_storeu_si256((__m256i *)stored[i], sums[i]);
  }
  for (int g = 0; g < panels; ++g) {
    ptrdiff_t at = output + 16 * g;
    martlet_avx2_panel panel = martlet_avx2_panel_at(at, p->n, &p->epilogue);
    for (int r = 0; r < count; ++r) {
      ptrdiff_t i = first + r;
      __m256i zero = _mm256_set1_epi32(p->row_zeros[i]);
      __m256 row_scale = _mm256_set1_ps(p->row_scales[i]);
      __m256 y[2];
      for (int h = 0; h < 2; ++h) {
        __m256i offset = _mm256_loadu_si256((const __m256i *)(p->offsets + at + 8 * h));
        __m256i sum = _mm256_sub_epi32(
          _mm256_loadu_si256((const __m256i *)stored[r * halves + 2 * g + h]),
          _mm256_mullo_epi32(zero, offset));
        __m256 scale = _mm256_mul_ps(row_scale, _mm256_loadu_ps(p->scales + at + 8 * h));
        y[h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, panel.bias[h]);
      }
      martlet_avx2_finish(y[0], y[1], &panel, i, p->destination + i * p->destination_stride);
    }
  }
}

/// One panel with `rows` rows, at most six.
static void one_panel(
  const martlet_gemm_u8s8_params *p, ptrdiff_t rows, ptrdiff_t first, ptrdiff_t output
) {
  switch (rows) {
    case 1: block(p, 1, 1, first, output); break;
    case 2: block(p, 2, 1, first, output); break;
    case 3: block(p, 3, 1, first, output); break;
    case 4: block(p, 4, 1, first, output); break;
    case 5: block(p, 5, 1, first, output); break;
    default: block(p, 6, 1, first, output); break;
  }
}

/// How many panels fill the accumulators with `rows` rows.
static ptrdiff_t panels_with(ptrdiff_t rows) { return rows == 1 ? 4 : rows == 2 ? 3 : rows == 3 ? 2 : 1; }

void martlet_gemm_u8s8_avxvnni(const martlet_gemm_u8s8_params *p) {
  ptrdiff_t output = 0;
  ptrdiff_t panels = panels_with(p->m);
  for (; panels > 1 && p->n - output > 16 * (panels - 1); output += 16 * panels) {
    switch (p->m) {
      case 1: block(p, 1, 4, 0, output); break;
      case 2: block(p, 2, 3, 0, output); break;
      case 3: block(p, 3, 2, 0, output); break;
      default: break;
    }
  }
  for (; output < p->n; output += 16) {
    for (ptrdiff_t i = 0; i < p->m; i += ROWS) one_panel(p, p->m - i, i, output);
  }
}

MARTLET_END_TARGET

#endif
