// Products with 8-bit weights whose sums of six fit 16 bits, so that `vpmaddubsw` is exact and three of its results are
// added before they are widened: 7 instructions for 96 multiply-adds instead of 12, and nothing is widened before.
// Include it inside the target region.
//
//   for k in steps of 12, for row i, for output o:
//     pairs[0] = Σ over j < 3 of a[i][k + 4j] w[o][k + 4j] + a[i][k + 4j + 1] w[o][k + 4j + 1]   in 16 bits, pairs[1] of the others
//     sums[i][o] += pairs[0] + pairs[1]
//
// Where a lane's six weights have positive ones that sum to at most 128, and negative ones too, activations of up to 255
// give it between −32,640 and 32,640. Only a look at the codes tells; a file is not trusted with it.

#ifndef MARTLET_SHORT_SUMS_H
#define MARTLET_SHORT_SUMS_H

enum {
  /// Steps of four inputs that are summed in 16 bits.
  SHORT_STEPS = 3,
  /// What the weights of a lane may sum to.
  SHORT_LIMIT = 128,
  /// Inputs in a slice, whole groups of steps; a panel's slice is 16 KiB.
  SHORT_DEPTH = 1020,
};

/// Exact sums of a panel: `[half][row][8 outputs]`.
typedef int32_t short_panel_sums[2][ROWS][8];

/// The largest sum of a lane's positive or negative weights, by lanes, over at most `SHORT_STEPS` steps of half a panel.
MARTLET_INLINE __m256i largest_sums(const int8_t *codes, ptrdiff_t steps) {
  __m256i positive = _mm256_setzero_si256(), negative = _mm256_setzero_si256();
  for (ptrdiff_t s = 0; s < steps; ++s) {
    __m256i w = _mm256_loadu_si256((const __m256i *)(codes + 64 * s));
    __m256i above = _mm256_max_epi8(w, _mm256_setzero_si256());
    // Saturated bytes say too much already.
    positive = _mm256_adds_epu8(positive, above);
    negative = _mm256_adds_epu8(negative, _mm256_sub_epi8(above, w));
  }
  const __m256i ones = _mm256_set1_epi8(1);
  return _mm256_max_epi16(
    _mm256_maddubs_epi16(positive, ones), _mm256_maddubs_epi16(negative, ones));
}

/// Whether the sums of all steps of a panel fit.
static bool has_short_sums(const int8_t *codes, ptrdiff_t steps) {
  const __m256i limit = _mm256_set1_epi16(SHORT_LIMIT);
  ptrdiff_t s = 0;
  for (; s + SHORT_STEPS <= steps; s += SHORT_STEPS) {
    __m256i found = _mm256_max_epi16(
      largest_sums(codes + 64 * s, SHORT_STEPS), largest_sums(codes + 64 * s + 32, SHORT_STEPS));
    if (_mm256_movemask_epi8(_mm256_cmpgt_epi16(found, limit)) != 0) return false;
  }
  __m256i found = _mm256_max_epi16(
    largest_sums(codes + 64 * s, steps - s), largest_sums(codes + 64 * s + 32, steps - s));
  return _mm256_movemask_epi8(_mm256_cmpgt_epi16(found, limit)) == 0;
}

/// Pairs of one row's four inputs with eight outputs.
MARTLET_INLINE __m256i short_pairs(const uint8_t *a, __m256i w) {
  int32_t four;
  memcpy(&four, a, sizeof four);
  return _mm256_maddubs_epi16(_mm256_set1_epi32(four), w);
}

/// Adds the products of `count` rows with eight outputs over `steps` blocks of four inputs.
MARTLET_INLINE void short_block(
  int count, const uint8_t *a, ptrdiff_t row_stride, const int8_t *codes, ptrdiff_t steps, bool first,
  int32_t (*sums)[8]
) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i totals[BLOCK];
  MARTLET_UNROLL
  for (int i = 0; i < count; ++i) {
    totals[i] = first ? _mm256_setzero_si256() : _mm256_loadu_si256((__m256i *)sums[i]);
  }
  ptrdiff_t s = 0;
  for (; s + SHORT_STEPS <= steps; s += SHORT_STEPS) {
    __m256i w[SHORT_STEPS];
    MARTLET_UNROLL
    for (int j = 0; j < SHORT_STEPS; ++j) {
      w[j] = _mm256_loadu_si256((const __m256i *)(codes + 64 * (s + j)));
    }
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      const uint8_t *x = a + i * row_stride + 4 * s;
      __m256i pairs = short_pairs(x, w[0]);
      MARTLET_UNROLL
      for (int j = 1; j < SHORT_STEPS; ++j) {
        pairs = _mm256_add_epi16(pairs, short_pairs(x + 4 * j, w[j]));
      }
      totals[i] = _mm256_add_epi32(totals[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  for (; s < steps; ++s) {
    __m256i w = _mm256_loadu_si256((const __m256i *)(codes + 64 * s));
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      __m256i pairs = short_pairs(a + i * row_stride + 4 * s, w);
      totals[i] = _mm256_add_epi32(totals[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < count; ++i) _mm256_storeu_si256((__m256i *)sums[i], totals[i]);
}

/// A slice of one panel with every row of the tile.
static void short_slice(
  ptrdiff_t rows, const uint8_t *a, ptrdiff_t row_stride, const int8_t *codes, ptrdiff_t steps, bool first,
  short_panel_sums sums
) {
  for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
    const uint8_t *row = a + i * row_stride;
    for (int h = 0; h < 2; ++h) {
      const int8_t *half = codes + 32 * h;
      switch (rows - i) {
        case 1: short_block(1, row, row_stride, half, steps, first, sums[h] + i); break;
        case 2: short_block(2, row, row_stride, half, steps, first, sums[h] + i); break;
        case 3: short_block(3, row, row_stride, half, steps, first, sums[h] + i); break;
        case 4: short_block(4, row, row_stride, half, steps, first, sums[h] + i); break;
        case 5: short_block(5, row, row_stride, half, steps, first, sums[h] + i); break;
        default: short_block(6, row, row_stride, half, steps, first, sums[h] + i); break;
      }
    }
  }
}

/// All slices of `rows` rows with the panel at `output`.
static void short_tile(
  const martlet_gemm_u8s8_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output
) {
  _Alignas(64) short_panel_sums sums;
  ptrdiff_t depth = (p->k + 3) / 4 * 4;
  const uint8_t *a = p->rows + first * p->row_stride;
  const int8_t *codes = p->codes + output * depth;
  // One slice even if there is nothing in it, so that the sums are set.
  for (ptrdiff_t k = 0; k == 0 || k < depth; k += SHORT_DEPTH) {
    ptrdiff_t slice = depth - k < SHORT_DEPTH ? depth - k : SHORT_DEPTH;
    short_slice(rows, a + k, p->row_stride, codes + 16 * k, slice / 4, k == 0, sums);
  }
  martlet_avx2_panel panel = martlet_avx2_panel_at(output, p->n, &p->epilogue);
  for (ptrdiff_t r = 0; r < rows; ++r) {
    __m256i low = _mm256_loadu_si256((const __m256i *)sums[0][r]);
    __m256i high = _mm256_loadu_si256((const __m256i *)sums[1][r]);
    finish_row(p, &panel, output, first + r, low, high);
  }
}

#endif
