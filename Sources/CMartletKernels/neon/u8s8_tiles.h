// Tiles of 8-bit activations and 8-bit weights on 128-bit registers. Include it behind
//
//   SHIFT                                     what `copy_rows` took from every activation, 0 or 128
//   copy_rows(p, first, rows, k, slice, a)    a slice of the rows, in the order of `panel_product`
//   panel_product(a, rows, w, steps, is_first, sums)
//                                             adds a slice of one panel with all rows to their sums, or sets them
//
// which is all that the instruction sets do differently. A shift of s is made good at the end:
// sum a w − zero · sum w = sum (a − s) w − (zero − s) · sum w, in wrapping 32-bit arithmetic.

#ifndef MARTLET_NEON_U8S8_TILES_H
#define MARTLET_NEON_U8S8_TILES_H

/// `fma((float)(sum − zero · offset), row scale · scale, bias)` and the epilogue for rows `first ..< first + rows`.
static void finish_panel(
  const martlet_gemm_u8s8_params *p, ptrdiff_t output, ptrdiff_t first, ptrdiff_t rows,
  panel_sums sums
) {
  martlet_neon_panel panel = martlet_neon_panel_at(output, p->n, &p->epilogue);
  for (ptrdiff_t r = 0; r < rows; ++r) {
    ptrdiff_t i = first + r;
    int32x4_t zero = vdupq_n_s32(p->row_zeros[i] - SHIFT);
    float32x4_t row_scale = vdupq_n_f32(p->row_scales[i]);
    float32x4_t y[4];
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) {
      int32x4_t offset = vld1q_s32(p->offsets + output + 4 * j);
      int32x4_t sum = vmlsq_s32(vld1q_s32(sums[r] + 4 * j), zero, offset);
      float32x4_t scale = vmulq_f32(row_scale, vld1q_f32(p->scales + output + 4 * j));
      y[j] = vfmaq_f32(panel.bias[j], vcvtq_f32_s32(sum), scale);
    }
    martlet_neon_finish(y, &panel, i, p->destination + i * p->destination_stride);
  }
}

/// All slices of `rows` rows with up to `GROUP` panels from `output` on.
static void tile(
  const martlet_gemm_u8s8_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output
) {
  _Alignas(64) row_slice a;
  _Alignas(64) panel_sums sums[GROUP];
  ptrdiff_t depth = (p->k + 3) / 4 * 4;
  ptrdiff_t left = (p->n - output + 15) / 16;
  ptrdiff_t panels = left < GROUP ? left : GROUP;
  if (depth == 0) memset(sums, 0, sizeof sums);
  for (ptrdiff_t k = 0; k < depth; k += DEPTH) {
    ptrdiff_t slice = depth - k < DEPTH ? depth - k : DEPTH;
    copy_rows(p, first, rows, k, slice, a);
    for (ptrdiff_t g = 0; g < panels; ++g) {
      const int8_t *codes = p->codes + (output + 16 * g) * depth + 16 * k;
      panel_product(a, rows, codes, slice / 4, k == 0, sums[g]);
    }
  }
  for (ptrdiff_t g = 0; g < panels; ++g) finish_panel(p, output + 16 * g, first, rows, sums[g]);
}

static void u8s8_product(const martlet_gemm_u8s8_params *p) {
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    ptrdiff_t rows = p->m - i < ROWS ? p->m - i : ROWS;
    for (ptrdiff_t o = 0; o < p->n; o += 16 * GROUP) tile(p, i, rows, o);
  }
}

#endif
