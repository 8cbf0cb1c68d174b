// Tiles of 8-bit activations and 4-bit weights on 256-bit registers. Include it inside the target region, behind
//
//   group_sum(a, codes)   the exact sums of one group of 32 inputs of one row with eight outputs
//
// which is all that the instruction sets do differently.

#ifndef MARTLET_U8S4_TILES_H
#define MARTLET_U8S4_TILES_H

enum {
  /// Rows whose copied slices lie in the cache together.
  ROWS = 96,
  /// Groups of 32 inputs in a slice.
  GROUPS = 16,
  /// Panels that use a copied slice of rows.
  PANELS = 4,
  /// Bytes of a panel's group.
  GROUP_BYTES = 256,
  /// How far ahead one row's weights are asked for, in bytes.
  AHEAD = 2048,
};

/// `Y` of a panel: `[half][row][8 outputs]`.
typedef float panel_sums[2][ROWS][8];

/// The codes of 8 outputs in one group: inputs 4j … 4j + 3 in `[j]`, those 16 further in `[4 + j]`.
MARTLET_INLINE void unpack(const uint8_t *bytes, __m256i codes[8]) {
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i eight = _mm256_set1_epi8(8);
  MARTLET_UNROLL
  for (int j = 0; j < 4; ++j) {
    __m256i both = _mm256_loadu_si256((const __m256i *)(bytes + 64 * j));
    codes[j] = _mm256_sub_epi8(_mm256_and_si256(both, nibble), eight);
    codes[4 + j] =
      _mm256_sub_epi8(_mm256_and_si256(_mm256_srli_epi16(both, 4), nibble), eight);
  }
}

/// Adds one group of one panel to the sums of all rows.
static void add_group(
  const uint8_t *a, ptrdiff_t rows, const uint8_t *bytes, const uint16_t *scales, bool first,
  panel_sums sums
) {
  for (int h = 0; h < 2; ++h) {
    __m256i codes[8];
    unpack(bytes + 32 * h, codes);
    __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(scales + 8 * h)));
    for (ptrdiff_t r = 0; r < rows; ++r) {
      __m256 sum = _mm256_cvtepi32_ps(group_sum(a + 32 * r, codes));
      __m256 y = first ? _mm256_setzero_ps() : _mm256_loadu_ps(sums[h][r]);
      _mm256_storeu_ps(sums[h][r], _mm256_fmadd_ps(sum, scale, y));
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
      y[h] = _mm256_fmadd_ps(zero, offset, _mm256_loadu_ps(sums[h][r]));
      y[h] = _mm256_fmadd_ps(row_scale, y[h], panel.bias[h]);
    }
    martlet_avx2_finish(y[0], y[1], &panel, i, p->destination + i * p->destination_stride);
  }
}

/// All slices of `rows` rows with up to `PANELS` panels from `output` on.
static void tile(
  const martlet_gemm_u8s4_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output
) {
  _Alignas(64) uint8_t a[GROUPS * ROWS * 32];
  _Alignas(64) panel_sums sums[PANELS];
  ptrdiff_t groups = (p->k + 31) / 32;
  ptrdiff_t left = (p->n - output + 15) / 16;
  ptrdiff_t panels = left < PANELS ? left : PANELS;
  if (groups == 0) memset(sums, 0, sizeof sums);
  for (ptrdiff_t g = 0; g < groups; g += GROUPS) {
    ptrdiff_t slice = groups - g < GROUPS ? groups - g : GROUPS;
    for (ptrdiff_t r = 0; r < rows; ++r) {
      const uint8_t *row = p->rows + (first + r) * p->row_stride + 32 * g;
      for (ptrdiff_t s = 0; s < slice; ++s) memcpy(a + (s * rows + r) * 32, row + 32 * s, 32);
    }
    for (ptrdiff_t panel = 0; panel < panels; ++panel) {
      ptrdiff_t group = (output / 16 + panel) * groups + g;
      for (ptrdiff_t s = 0; s < slice; ++s) {
        add_group(
          a + s * rows * 32, rows, p->codes + (group + s) * GROUP_BYTES,
          p->scales + (group + s) * 16, g + s == 0, sums[panel]);
      }
    }
  }
  for (ptrdiff_t panel = 0; panel < panels; ++panel) {
    finish_panel(p, output + 16 * panel, first, rows, sums[panel]);
  }
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
  panel_sums sums;
  for (ptrdiff_t o = 0; o < p->n; o += 16) {
    __m256 y[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (ptrdiff_t g = 0; g < groups; ++g, bytes += GROUP_BYTES, scales += 16) {
      prefetch(bytes, GROUP_BYTES);
      prefetch(scales, 32);
      MARTLET_UNROLL
      for (int h = 0; h < 2; ++h) {
        __m256i codes[8];
        unpack(bytes + 32 * h, codes);
        __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(scales + 8 * h)));
        __m256 sum = _mm256_cvtepi32_ps(group_sum(row + 32 * g, codes));
        y[h] = _mm256_fmadd_ps(sum, scale, y[h]);
      }
    }
    for (int h = 0; h < 2; ++h) _mm256_storeu_ps(sums[h][0], y[h]);
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
    for (ptrdiff_t o = 0; o < p->n; o += 16 * PANELS) tile(p, i, rows, o);
  }
}

#endif
