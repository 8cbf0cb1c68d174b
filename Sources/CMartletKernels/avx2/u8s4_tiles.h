// Tiles of 8-bit activations and 4-bit weights on 256-bit registers. Include it inside the target region, behind
//
//   products(a, codes)          what eight outputs get from four inputs of one row
//   with_products(sum, a, codes)   the same, added to what they have
//   group_sum(sum)              the exact sums of a whole group of 32 inputs from that
//
// which is all that the instruction sets do differently. The loop over a tile:
//
//   for panel, for `BLOCK` rows, for group g:
//     for k in steps of 4, for row i, for half h: sum[i][h] += a[i][k …] codes[h][k …]
//     Y[i][h] = fma((float)sum[i][h], scale[g][h], Y[i][h])
//
// A row's inputs meet both halves of the panel and the panel's codes all rows of the block, so that two loads serve three
// products; the panel's codes are unpacked once for all rows of the tile.

#ifndef MARTLET_U8S4_TILES_H
#define MARTLET_U8S4_TILES_H

enum {
  /// Rows of a block: with both halves of a panel eight sums, beside the codes and the inputs.
  BLOCK = 4,
  /// Rows whose sums lie in the cache together.
  ROWS = 96,
  /// Groups of 32 inputs in a slice; a panel's unpacked slice is 8 KiB.
  GROUPS = 16,
  /// Bytes of a panel's group.
  GROUP_BYTES = 256,
  /// How far ahead one row's weights are asked for, in bytes.
  AHEAD = 2048,
};

/// `Y` of a panel: `[row][half][8 outputs]`.
typedef float panel_sums[ROWS][2][8];

/// A group of a panel: inputs 4j … 4j + 3 of eight outputs in `[half][j]`, those 16 further in `[half][4 + j]`.
typedef __m256i group_codes[8][2];

/// The codes of 8 outputs in one group.
MARTLET_INLINE void unpack(const uint8_t *bytes, int half, group_codes codes) {
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i eight = _mm256_set1_epi8(8);
  MARTLET_UNROLL
  for (int j = 0; j < 4; ++j) {
    __m256i both = _mm256_loadu_si256((const __m256i *)(bytes + 64 * j + 32 * half));
    codes[j][half] = _mm256_sub_epi8(_mm256_and_si256(both, nibble), eight);
    codes[4 + j][half] =
      _mm256_sub_epi8(_mm256_and_si256(_mm256_srli_epi16(both, 4), nibble), eight);
  }
}

MARTLET_INLINE __m256i four_inputs(const uint8_t *a) {
  int32_t four;
  memcpy(&four, a, sizeof four);
  return _mm256_set1_epi32(four);
}

/// `groups` groups of one panel for `count` rows.
MARTLET_INLINE void block(
  int count, const uint8_t *a, ptrdiff_t row_stride, const group_codes *codes, const uint16_t *scales,
  ptrdiff_t groups, bool first, float (*y)[2][8]
) {
  for (ptrdiff_t g = 0; g < groups; ++g) {
    __m256i sums[BLOCK][2];
    MARTLET_UNROLL
    for (int j = 0; j < 8; ++j) {
      MARTLET_UNROLL
      for (int i = 0; i < count; ++i) {
        __m256i x = four_inputs(a + i * row_stride + 32 * g + 4 * j);
        MARTLET_UNROLL
        for (int h = 0; h < 2; ++h) {
          __m256i w = codes[g][j][h];
          sums[i][h] = j == 0 ? products(x, w) : with_products(sums[i][h], x, w);
        }
      }
    }
    __m256 scale[2];
    MARTLET_UNROLL
    for (int h = 0; h < 2; ++h) {
      scale[h] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(scales + 16 * g + 8 * h)));
    }
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      MARTLET_UNROLL
      for (int h = 0; h < 2; ++h) {
        __m256 sum = _mm256_cvtepi32_ps(group_sum(sums[i][h]));
        __m256 before = first && g == 0 ? _mm256_setzero_ps() : _mm256_load_ps(y[i][h]);
        _mm256_store_ps(y[i][h], _mm256_fmadd_ps(sum, scale[h], before));
      }
    }
  }
}

/// A slice of one panel with every row of the tile, its codes unpacked once.
static void panel_slice(
  const uint8_t *a, ptrdiff_t row_stride, ptrdiff_t rows, const uint8_t *bytes, const uint16_t *scales,
  ptrdiff_t groups, bool first, panel_sums sums
) {
  group_codes codes[GROUPS];
  for (ptrdiff_t g = 0; g < groups; ++g) {
    for (int h = 0; h < 2; ++h) unpack(bytes + g * GROUP_BYTES, h, codes[g]);
  }
  for (ptrdiff_t r = 0; r < rows; r += BLOCK) {
    const uint8_t *row = a + r * row_stride;
    switch (rows - r) {
      case 1: block(1, row, row_stride, codes, scales, groups, first, sums + r); break;
      case 2: block(2, row, row_stride, codes, scales, groups, first, sums + r); break;
      case 3: block(3, row, row_stride, codes, scales, groups, first, sums + r); break;
      default: block(4, row, row_stride, codes, scales, groups, first, sums + r); break;
    }
  }
}

/// `fma(row scale, fma(−zero, offset, Y), bias)` and the epilogue.
static void finish_panel(
  const martlet_gemm_u8s4_params *p, ptrdiff_t output, ptrdiff_t first, ptrdiff_t rows,
  panel_sums sums
) {
  martlet_avx2_panel panel = martlet_avx2_panel_at(output, p->n, &p->epilogue);
  for (ptrdiff_t r = 0; r < rows; ++r) {
    ptrdiff_t i = first + r;
    __m256 zero = _mm256_set1_ps(-(float)p->row_zeros[i]);
    __m256 row_scale = _mm256_set1_ps(p->row_scales[i]);
    __m256 y[2];
    for (int h = 0; h < 2; ++h) {
      __m256 offset = _mm256_loadu_ps(p->offsets + output + 8 * h);
      y[h] = _mm256_fmadd_ps(zero, offset, _mm256_load_ps(sums[r][h]));
      y[h] = _mm256_fmadd_ps(row_scale, y[h], panel.bias[h]);
    }
    martlet_avx2_finish(y[0], y[1], &panel, i, p->destination + i * p->destination_stride);
  }
}

/// All slices of one panel for `rows` rows.
static void tile(
  const martlet_gemm_u8s4_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output
) {
  _Alignas(64) panel_sums sums;
  ptrdiff_t groups = (p->k + 31) / 32;
  if (groups == 0) memset(sums, 0, sizeof sums);
  for (ptrdiff_t g = 0; g < groups; g += GROUPS) {
    ptrdiff_t slice = groups - g < GROUPS ? groups - g : GROUPS;
    ptrdiff_t group = output / 16 * groups + g;
    panel_slice(
      p->rows + first * p->row_stride + 32 * g, p->row_stride, rows, p->codes + group * GROUP_BYTES,
      p->scales + group * 16, slice, g == 0, sums);
  }
  finish_panel(p, output, first, rows, sums);
}

/// Asks for `bytes` bytes that will be read `AHEAD` bytes further on: the weights of one row come from memory once, and
/// the hardware's own look ahead ends at every page.
MARTLET_INLINE void prefetch(const void *from, int bytes) {
  MARTLET_UNROLL
  for (int line = 0; line < bytes; line += 64) {
    _mm_prefetch((const char *)from + AHEAD + line, _MM_HINT_T0);
  }
}

/// One row with all panels: every panel's codes are read in order, once, and its sums stay in registers.
static void row_product(const martlet_gemm_u8s4_params *p, ptrdiff_t i) {
  const uint8_t *row = p->rows + i * p->row_stride;
  const uint8_t *bytes = p->codes;
  const uint16_t *scales = p->scales;
  ptrdiff_t groups = (p->k + 31) / 32;
  _Alignas(64) panel_sums sums;
  for (ptrdiff_t o = 0; o < p->n; o += 16) {
    __m256 y[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (ptrdiff_t g = 0; g < groups; ++g, bytes += GROUP_BYTES, scales += 16) {
      prefetch(bytes, GROUP_BYTES);
      prefetch(scales, 32);
      MARTLET_UNROLL
      for (int h = 0; h < 2; ++h) {
        group_codes codes;
        unpack(bytes, h, codes);
        __m256i sum;
        MARTLET_UNROLL
        for (int j = 0; j < 8; ++j) {
          __m256i x = four_inputs(row + 32 * g + 4 * j);
          sum = j == 0 ? products(x, codes[j][h]) : with_products(sum, x, codes[j][h]);
        }
        __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(scales + 8 * h)));
        y[h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(group_sum(sum)), scale, y[h]);
      }
    }
    for (int h = 0; h < 2; ++h) _mm256_store_ps(sums[0][h], y[h]);
    finish_panel(p, o, i, 1, sums);
  }
}

static void u8s4_product(const martlet_gemm_u8s4_params *p) {
  if (p->m == 1) {
    row_product(p, 0);
    return;
  }
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    ptrdiff_t rows = p->m - i < ROWS ? p->m - i : ROWS;
    for (ptrdiff_t o = 0; o < p->n; o += 16) tile(p, i, rows, o);
  }
}

#endif
