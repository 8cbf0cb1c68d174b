#if defined(__x86_64__)

// Products of 8-bit activations and 8-bit weights.
//
// `vpmaddubsw` would saturate, so both operands are widened to 16 bits and multiplied by `vpmaddwd`, which
// is exact. The loop over a tile, for one panel:
//
//   for k in steps of 4, for row i, for output o:
//     pairs[i][o][0] += a[i][k] w[o][k] + a[i][k+1] w[o][k+1];  pairs[i][o][1] += the other two
//
// Six rows × eight outputs fill twelve accumulators. Rows and panels are widened into buffers that stay in the caches
// (`ROWS` × `DEPTH` inputs, `GROUP` panels at a time); the pair sums wait in a third buffer between slices of K. Rows of
// one slice are widened once for all panels, longer ones once for every `GROUP`. Where there are only a few rows, widening a panel does not pay and its codes are
// widened on the way into the product.
//
// A panel whose codes are so small that sums of six products fit 16 bits takes a shorter way (`short_sums.h`).

#include <stdbool.h>
#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "avx2_math.h"

enum {
  /// Rows of a block, with eight outputs each.
  BLOCK = 6,
  /// Rows whose widened slices lie in the level-2 cache together.
  ROWS = 96,
  /// Inputs in a slice; a panel's widened slice is 16 KiB.
  DEPTH = 512,
  /// Widened rows lie this far apart, so that they do not share cache sets.
  ROW_PITCH = DEPTH + 16,
  /// Panels that use a widened slice of rows.
  GROUP = 6,
  /// How far ahead one row's weights are asked for, in bytes.
  AHEAD = 2048,
};

/// Pair sums of a panel: `[half][row][8 outputs · 2 pairs]`, laid as the accumulators are.
typedef int32_t panel_sums[2][ROWS][16];

/// Widens `count` inputs (a multiple of 4) of one row.
MARTLET_INLINE void widen_row(const uint8_t *a, ptrdiff_t count, int16_t *wide) {
  ptrdiff_t k = 0;
  for (; k + 16 <= count; k += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(a + k));
    _mm256_storeu_si256((__m256i *)(wide + k), _mm256_cvtepu8_epi16(bytes));
  }
  for (; k < count; k += 4) {
    for (int j = 0; j < 4; ++j) wide[k + j] = a[k + j];
  }
}

/// Widens `steps` blocks of 16 outputs × 4 inputs.
MARTLET_INLINE void widen_panel(const int8_t *codes, ptrdiff_t steps, int16_t *wide) {
  for (ptrdiff_t s = 0; s < 4 * steps; ++s) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(codes + 16 * s));
    _mm256_storeu_si256((__m256i *)(wide + 16 * s), _mm256_cvtepi8_epi16(bytes));
  }
}

/// Adds the products of `count` rows with eight outputs over `steps` blocks of four inputs.
MARTLET_INLINE void block_wide(
  int count, const int16_t *a, const int16_t *w, ptrdiff_t steps, bool first, int32_t (*sums)[16]
) {
  __m256i pairs[BLOCK][2];
  MARTLET_UNROLL
  for (int i = 0; i < count; ++i) {
    pairs[i][0] = first ? _mm256_setzero_si256() : _mm256_loadu_si256((__m256i *)sums[i]);
    pairs[i][1] = first ? _mm256_setzero_si256() : _mm256_loadu_si256((__m256i *)(sums[i] + 8));
  }
  for (ptrdiff_t s = 0; s < steps; ++s) {
    __m256i w0 = _mm256_loadu_si256((const __m256i *)(w + 64 * s));
    __m256i w1 = _mm256_loadu_si256((const __m256i *)(w + 64 * s + 16));
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      __m256i x = _mm256_broadcastq_epi64(
        _mm_loadl_epi64((const __m128i *)(a + i * ROW_PITCH + 4 * s)));
      pairs[i][0] = _mm256_add_epi32(pairs[i][0], _mm256_madd_epi16(x, w0));
      pairs[i][1] = _mm256_add_epi32(pairs[i][1], _mm256_madd_epi16(x, w1));
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < count; ++i) {
    _mm256_storeu_si256((__m256i *)sums[i], pairs[i][0]);
    _mm256_storeu_si256((__m256i *)(sums[i] + 8), pairs[i][1]);
  }
}

/// As `block_wide`, with all sixteen outputs of `count` ≤ 3 rows and codes widened on the way.
MARTLET_INLINE void block_narrow(
  int count, const int16_t *a, const int8_t *codes, ptrdiff_t steps, bool first,
  int32_t (*low)[16], int32_t (*high)[16]
) {
  __m256i pairs[3][4];
  MARTLET_UNROLL
  for (int i = 0; i < count; ++i) {
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) {
      int32_t *from = (j < 2 ? low : high)[i] + 8 * (j % 2);
      pairs[i][j] = first ? _mm256_setzero_si256() : _mm256_loadu_si256((__m256i *)from);
    }
  }
  for (ptrdiff_t s = 0; s < steps; ++s) {
    __m256i x[3];
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      x[i] = _mm256_broadcastq_epi64(
        _mm_loadl_epi64((const __m128i *)(a + i * ROW_PITCH + 4 * s)));
    }
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) {
      __m256i w = _mm256_cvtepi8_epi16(
        _mm_loadu_si128((const __m128i *)(codes + 64 * s + 16 * j)));
      MARTLET_UNROLL
      for (int i = 0; i < count; ++i) {
        pairs[i][j] = _mm256_add_epi32(pairs[i][j], _mm256_madd_epi16(x[i], w));
      }
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < count; ++i) {
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) {
      int32_t *to = (j < 2 ? low : high)[i] + 8 * (j % 2);
      _mm256_storeu_si256((__m256i *)to, pairs[i][j]);
    }
  }
}

/// A slice of one panel with every row of the tile, the panel widened once.
static void panel_wide(
  ptrdiff_t rows, const int16_t *a, const int16_t *w, ptrdiff_t steps, bool first,
  panel_sums sums
) {
  for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
    const int16_t *block = a + i * ROW_PITCH;
    for (int h = 0; h < 2; ++h) {
      const int16_t *half = w + 32 * h;
      switch (rows - i) {
        case 1: block_wide(1, block, half, steps, first, sums[h] + i); break;
        case 2: block_wide(2, block, half, steps, first, sums[h] + i); break;
        case 3: block_wide(3, block, half, steps, first, sums[h] + i); break;
        case 4: block_wide(4, block, half, steps, first, sums[h] + i); break;
        case 5: block_wide(5, block, half, steps, first, sums[h] + i); break;
        default: block_wide(6, block, half, steps, first, sums[h] + i); break;
      }
    }
  }
}

/// A slice of one panel with few rows.
static void panel_narrow(
  ptrdiff_t rows, const int16_t *a, const int8_t *codes, ptrdiff_t steps, bool first,
  panel_sums sums
) {
  for (ptrdiff_t i = 0; i < rows; i += 3) {
    const int16_t *block = a + i * ROW_PITCH;
    switch (rows - i) {
      case 1: block_narrow(1, block, codes, steps, first, sums[0] + i, sums[1] + i); break;
      case 2: block_narrow(2, block, codes, steps, first, sums[0] + i, sums[1] + i); break;
      default: block_narrow(3, block, codes, steps, first, sums[0] + i, sums[1] + i); break;
    }
  }
}

/// Eight exact sums from their pairs.
MARTLET_INLINE __m256i joined(const int32_t *pairs) {
  __m256i sums = _mm256_hadd_epi32(
    _mm256_loadu_si256((const __m256i *)pairs), _mm256_loadu_si256((const __m256i *)(pairs + 8)));
  return _mm256_permute4x64_epi64(sums, _MM_SHUFFLE(3, 1, 2, 0));
}

/// `fma((float)(sum − zero · offset), row scale · scale, bias)` and the epilogue for row `i`.
MARTLET_INLINE void finish_row(
  const martlet_gemm_u8s8_params *p, const martlet_avx2_panel *panel, ptrdiff_t output, ptrdiff_t i,
  __m256i low, __m256i high
) {
  __m256i zero = _mm256_set1_epi32(p->row_zeros[i]);
  __m256 row_scale = _mm256_set1_ps(p->row_scales[i]);
  __m256i sums[2] = {low, high};
  __m256 y[2];
  MARTLET_UNROLL
  for (int h = 0; h < 2; ++h) {
    __m256i offset = _mm256_loadu_si256((const __m256i *)(p->offsets + output + 8 * h));
    __m256i sum = _mm256_sub_epi32(sums[h], _mm256_mullo_epi32(zero, offset));
    __m256 scale = _mm256_mul_ps(row_scale, _mm256_loadu_ps(p->scales + output + 8 * h));
    y[h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, panel->bias[h]);
  }
  martlet_avx2_finish(y[0], y[1], panel, i, p->destination + i * p->destination_stride);
}

/// The end of rows `first ..< first + rows` of a panel.
static void finish_panel(
  const martlet_gemm_u8s8_params *p, ptrdiff_t output, ptrdiff_t first, ptrdiff_t rows,
  panel_sums sums
) {
  martlet_avx2_panel panel = martlet_avx2_panel_at(output, p->n, &p->epilogue);
  for (ptrdiff_t r = 0; r < rows; ++r) {
    finish_row(p, &panel, output, first + r, joined(sums[0][r]), joined(sums[1][r]));
  }
}

#include "short_sums.h"

/// Widens inputs `k ..< k + slice` of `rows` rows.
static void widen_rows(
  const martlet_gemm_u8s8_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t slice,
  int16_t *wide
) {
  for (ptrdiff_t r = 0; r < rows; ++r) {
    widen_row(p->rows + (first + r) * p->row_stride + k, slice, wide + r * ROW_PITCH);
  }
}

/// All slices of `rows` rows with up to `GROUP` panels from `output` on. The rows' only slice is in `a` already; of
/// several, each is brought there.
static void tile(
  const martlet_gemm_u8s8_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output, int16_t *a
) {
  _Alignas(64) int16_t w[DEPTH * 16];
  _Alignas(64) panel_sums sums[GROUP];
  ptrdiff_t depth = (p->k + 3) / 4 * 4;
  ptrdiff_t left = (p->n - output + 15) / 16;
  ptrdiff_t panels = left < GROUP ? left : GROUP;
  // One slice even if there is nothing in it, so that the sums are set.
  for (ptrdiff_t k = 0; k == 0 || k < depth; k += DEPTH) {
    ptrdiff_t slice = depth - k < DEPTH ? depth - k : DEPTH;
    if (depth > DEPTH) widen_rows(p, first, rows, k, slice, a);
    for (ptrdiff_t g = 0; g < panels; ++g) {
      const int8_t *codes = p->codes + (output + 16 * g) * depth + 16 * k;
      if (rows > BLOCK) {
        widen_panel(codes, slice / 4, w);
        panel_wide(rows, a, w, slice / 4, k == 0, sums[g]);
      } else {
        panel_narrow(rows, a, codes, slice / 4, k == 0, sums[g]);
      }
    }
  }
  for (ptrdiff_t g = 0; g < panels; ++g) finish_panel(p, output + 16 * g, first, rows, sums[g]);
}

/// `rows` rows with all panels, those of short sums the short way.
static void all_panels(const martlet_gemm_u8s8_params *p, ptrdiff_t first, ptrdiff_t rows) {
  _Alignas(64) int16_t a[ROWS * ROW_PITCH];
  ptrdiff_t depth = (p->k + 3) / 4 * 4;
  bool widened = depth > DEPTH;
  for (ptrdiff_t o = 0; o < p->n;) {
    if (rows > BLOCK && has_short_sums(p->codes + o * depth, depth / 4)) {
      short_tile(p, first, rows, o);
      o += 16;
      continue;
    }
    if (!widened) widen_rows(p, first, rows, 0, depth, a);
    widened = true;
    tile(p, first, rows, o, a);
    o += 16 * GROUP;
  }
}

/// One row with all panels: every panel's codes are read in order, once, and its sums stay in registers. Inputs 0 and 2
/// of four, then 1 and 3, make the pairs, so that no codes change places when they are widened:
///
///   for k in steps of 4, for output o:
///     even[o] += a[k] w[o][k] + a[k+2] w[o][k+2];  odd[o] += a[k+1] w[o][k+1] + a[k+3] w[o][k+3]
static void row_product(const martlet_gemm_u8s8_params *p, ptrdiff_t i) {
  const uint8_t *row = p->rows + i * p->row_stride;
  const int8_t *codes = p->codes;
  const __m256i low_byte = _mm256_set1_epi16(255);
  ptrdiff_t steps = (p->k + 3) / 4;
  panel_sums sums;
  for (ptrdiff_t o = 0; o < p->n; o += 16) {
    __m256i even[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    __m256i odd[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (ptrdiff_t s = 0; s < steps; ++s, codes += 64) {
      int32_t four;
      memcpy(&four, row + 4 * s, sizeof four);
      __m256i a = _mm256_set1_epi32(four);
      __m256i a_even = _mm256_and_si256(a, low_byte), a_odd = _mm256_srli_epi16(a, 8);
      // The weights of one row come from memory once, and the hardware's own look ahead ends at every page.
      _mm_prefetch((const char *)codes + AHEAD, _MM_HINT_T0);
      MARTLET_UNROLL
      for (int h = 0; h < 2; ++h) {
        __m256i w = _mm256_loadu_si256((const __m256i *)(codes + 32 * h));
        __m256i w_even = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8);
        __m256i w_odd = _mm256_srai_epi16(w, 8);
        even[h] = _mm256_add_epi32(even[h], _mm256_madd_epi16(a_even, w_even));
        odd[h] = _mm256_add_epi32(odd[h], _mm256_madd_epi16(a_odd, w_odd));
      }
    }
    for (int h = 0; h < 2; ++h) {
      // As `joined` takes them: neighbors are summed, so each sum gets a zero beside it.
      __m256i sum = _mm256_add_epi32(even[h], odd[h]);
      __m256i low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(sum));
      __m256i high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(sum, 1));
      _mm256_storeu_si256((__m256i *)sums[h][0], low);
      _mm256_storeu_si256((__m256i *)(sums[h][0] + 8), high);
    }
    finish_panel(p, o, i, 1, sums);
  }
}

void martlet_gemm_u8s8_avx2(const martlet_gemm_u8s8_params *p) {
  if (p->m == 1) {
    row_product(p, 0);
    return;
  }
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    all_panels(p, i, p->m - i < ROWS ? p->m - i : ROWS);
  }
}

MARTLET_END_TARGET

#endif
