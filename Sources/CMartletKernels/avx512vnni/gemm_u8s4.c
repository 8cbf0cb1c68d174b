#if defined(__x86_64__)

// Products of 8-bit activations and 4-bit weights by `vpdpbusd`. The loop over a tile, for one panel:
//
//   for group g, for row i:
//     Y[i][o] = fma((float)sum over the group of a[i][k] code[o][k], scale[g][o], Y[i][o])
//
// A group's codes are unpacked once into eight registers and meet every row; rows are copied group by group
// into a buffer first, so that the inner loop reads memory in order.

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

#include "avx512vnni_math.h"

enum {
  /// Rows whose copied slices lie in the cache together.
  ROWS = 96,
  /// Groups of 32 inputs in a slice.
  GROUPS = 8,
  /// Panels that use a copied slice of rows.
  PANELS = 8,
  /// Bytes of a panel's group.
  GROUP_BYTES = 256,
  /// Bytes that a product of one row asks for ahead of where it reads.
  AHEAD = 2048,
};

/// `Y` of a panel: `[row][16 outputs]`.
typedef float panel_sums[ROWS][16];

/// The codes of one group: inputs 4j … 4j + 3 in `[j]`, those 16 further in `[4 + j]`.
MARTLET_INLINE void unpack(const uint8_t *bytes, __m512i codes[8]) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i eight = _mm512_set1_epi8(8);
  MARTLET_UNROLL
  for (int j = 0; j < 4; ++j) {
    __m512i both = _mm512_loadu_si512(bytes + 64 * j);
    codes[j] = _mm512_sub_epi8(_mm512_and_si512(both, nibble), eight);
    codes[4 + j] =
      _mm512_sub_epi8(_mm512_and_si512(_mm512_srli_epi16(both, 4), nibble), eight);
  }
}

/// The exact sums of one group for one row, in two chains.
MARTLET_INLINE __m512i group_sum(const uint8_t *a, const __m512i codes[8]) {
  __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  MARTLET_UNROLL
  for (int j = 0; j < 8; ++j) {
    int32_t four;
    memcpy(&four, a + 4 * j, sizeof four);
    sums[j % 2] = _mm512_dpbusd_epi32(sums[j % 2], _mm512_set1_epi32(four), codes[j]);
  }
  return _mm512_add_epi32(sums[0], sums[1]);
}

/// Adds one group of one panel to the sums of all rows.
static void add_group(
  const uint8_t *a, ptrdiff_t rows, const uint8_t *bytes, const uint16_t *scales, bool first,
  panel_sums sums
) {
  __m512i codes[8];
  unpack(bytes, codes);
  __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)scales));
  for (ptrdiff_t r = 0; r < rows; ++r) {
    __m512 sum = _mm512_cvtepi32_ps(group_sum(a + 32 * r, codes));
    __m512 y = first ? _mm512_setzero_ps() : _mm512_loadu_ps(sums[r]);
    _mm512_storeu_ps(sums[r], _mm512_fmadd_ps(sum, scale, y));
  }
}

/// `fma(row scale, fma(−zero, offset, Y), bias)` and the epilogue.
static void finish_panel(
  const martlet_gemm_u8s4_params *p, ptrdiff_t output, ptrdiff_t first, ptrdiff_t rows,
  panel_sums sums
) {
  __mmask16 mask = martlet_avx512vnni_mask(p->n - output);
  __m512 bias = martlet_avx512vnni_bias(&p->epilogue, output, mask);
  __m512 offsets = _mm512_loadu_ps(p->offsets + output);
  for (ptrdiff_t r = 0; r < rows; ++r) {
    ptrdiff_t i = first + r;
    __m512 zero = _mm512_set1_ps(-(float)p->row_zeros[i]);
    __m512 y = _mm512_fmadd_ps(zero, offsets, _mm512_loadu_ps(sums[r]));
    y = _mm512_fmadd_ps(_mm512_set1_ps(p->row_scales[i]), y, bias);
    martlet_avx512vnni_finish(
      y, &p->epilogue, i, output, mask, p->destination + i * p->destination_stride);
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

/// One row: panels in the order of memory, which is read once and asked for ahead; sums stay in a register.
static void row_product(const martlet_gemm_u8s4_params *p) {
  const uint8_t *bytes = p->codes;
  const uint16_t *scales = p->scales;
  ptrdiff_t groups = (p->k + 31) / 32;
  for (ptrdiff_t o = 0; o < p->n; o += 16) {
    __m512 y = _mm512_setzero_ps();
    for (ptrdiff_t g = 0; g < groups; ++g, bytes += GROUP_BYTES, scales += 16) {
      MARTLET_UNROLL
      for (int line = 0; line < GROUP_BYTES; line += 64) {
        _mm_prefetch((const char *)bytes + AHEAD + line, _MM_HINT_T0);
      }
      _mm_prefetch((const char *)scales + AHEAD, _MM_HINT_T0);
      __m512i codes[8];
      unpack(bytes, codes);
      __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)scales));
      y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(group_sum(p->rows + 32 * g, codes)), scale, y);
    }
    panel_sums sums;
    _mm512_storeu_ps(sums[0], y);
    finish_panel(p, o, 0, 1, sums);
  }
}

void martlet_gemm_u8s4_avx512vnni(const martlet_gemm_u8s4_params *p) {
  if (p->m == 1) {
    row_product(p);
    return;
  }
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    ptrdiff_t rows = p->m - i < ROWS ? p->m - i : ROWS;
    for (ptrdiff_t o = 0; o < p->n; o += 16 * PANELS) tile(p, i, rows, o);
  }
}

MARTLET_END_TARGET

#endif
