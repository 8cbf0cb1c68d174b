// Tiles of 8-bit activations and 4-bit weights on 128-bit registers. Include it inside the target region, behind
//
//   group_sums(a, codes, start, sums)   the sums of one group of 32 inputs of one row with eight outputs, from `start` on
//
// which is all that the instruction sets do differently. Codes are multiplied as they are stored, 8 more than they mean:
// sum a (c − 8) = sum a c − 8 sum a, where the last term is the same for all outputs.

#ifndef MARTLET_NEON_U8S4_TILES_H
#define MARTLET_NEON_U8S4_TILES_H

enum {
  /// Rows whose copied slices lie in the cache together.
  ROWS = 96,
  /// Groups of 32 inputs in a slice.
  GROUPS = 16,
  /// Panels that use a copied slice of rows.
  PANELS = 4,
  /// Bytes of a panel's group.
  GROUP_BYTES = 256,
};

/// `Y` of a panel: `[half][row][8 outputs]`.
typedef float panel_sums[2][ROWS][8];

/// A slice of rows: `[group][row][32]`, and −8 times the sum of each 32.
typedef struct row_slice {
  uint8_t inputs[GROUPS * ROWS * 32];
  int32_t starts[GROUPS * ROWS];
} row_slice;

MARTLET_INLINE void copy_rows(
  const martlet_gemm_u8s4_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t group,
  ptrdiff_t groups, row_slice *a
) {
  for (ptrdiff_t r = 0; r < rows; ++r) {
    const uint8_t *row = p->rows + (first + r) * p->row_stride + 32 * group;
    for (ptrdiff_t g = 0; g < groups; ++g) {
      uint8x16_t low = vld1q_u8(row + 32 * g);
      uint8x16_t high = vld1q_u8(row + 32 * g + 16);
      uint8_t *to = a->inputs + (g * rows + r) * 32;
      vst1q_u8(to, low);
      vst1q_u8(to + 16, high);
      uint32_t sum = vaddlvq_u16(vpadalq_u8(vpaddlq_u8(low), high));
      a->starts[g * rows + r] = -8 * (int32_t)sum;
    }
  }
}

/// The codes of 8 outputs in one group: inputs 4j … 4j + 3 of four outputs in `[2j]`, of the other four in `[2j + 1]`,
/// those 16 further in `[8 + 2j]` and `[9 + 2j]`.
MARTLET_INLINE void unpack(const uint8_t *bytes, uint8x16_t codes[16]) {
  MARTLET_UNROLL
  for (int j = 0; j < 8; ++j) {
    uint8x16_t both = vld1q_u8(bytes + 64 * (j / 2) + 16 * (j % 2));
    codes[j] = vandq_u8(both, vdupq_n_u8(15));
    codes[8 + j] = vshrq_n_u8(both, 4);
  }
}

/// Adds one group of half a panel to the sums of all rows.
MARTLET_INLINE void add_half(
  const uint8_t *a, const int32_t *starts, ptrdiff_t rows, const uint8_t *bytes,
  const uint16_t *scales, bool is_first, float (*sums)[8]
) {
  uint8x16_t codes[16];
  unpack(bytes, codes);
  float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(scales));
  float32x4_t scale[2] = {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
  for (ptrdiff_t r = 0; r < rows; ++r) {
    int32x4_t exact[2];
    group_sums(a + 32 * r, codes, starts[r], exact);
    MARTLET_UNROLL
    for (int q = 0; q < 2; ++q) {
      float *y = sums[r] + 4 * q;
      float32x4_t before = is_first ? vdupq_n_f32(0.0f) : vld1q_f32(y);
      vst1q_f32(y, vfmaq_f32(before, vcvtq_f32_s32(exact[q]), scale[q]));
    }
  }
}

/// `fma(row scale, fma(−zero, offset, Y), bias)` and the epilogue.
static void finish_panel(
  const martlet_gemm_u8s4_params *p, ptrdiff_t output, ptrdiff_t first, ptrdiff_t rows,
  panel_sums sums
) {
  martlet_neon_panel panel = martlet_neon_panel_at(output, p->n, &p->epilogue);
  for (ptrdiff_t r = 0; r < rows; ++r) {
    ptrdiff_t i = first + r;
    float32x4_t zero = vdupq_n_f32(-(float)p->row_zeros[i]);
    float32x4_t row_scale = vdupq_n_f32(p->row_scales[i]);
    float32x4_t y[4];
    MARTLET_UNROLL
    for (int j = 0; j < 4; ++j) {
      float32x4_t offset = vld1q_f32(p->offsets + output + 4 * j);
      y[j] = vfmaq_f32(vld1q_f32(sums[j / 2][r] + 4 * (j % 2)), zero, offset);
      y[j] = vfmaq_f32(panel.bias[j], row_scale, y[j]);
    }
    martlet_neon_finish(y, &panel, i, p->destination + i * p->destination_stride);
  }
}

/// The inner loop, apart so that its instructions can be counted.
__attribute__((noinline)) static void LOOP_NAME(
  const uint8_t *a, const int32_t *starts, ptrdiff_t rows, const uint8_t *bytes,
  const uint16_t *scales, float (*sums)[8]
) {
  add_half(a, starts, rows, bytes, scales, false, sums);
}

/// Adds one group of a panel to the sums of all rows, or sets them.
static void add_group(
  const uint8_t *a, const int32_t *starts, ptrdiff_t rows, const uint8_t *bytes,
  const uint16_t *scales, bool is_first, panel_sums sums
) {
  for (int h = 0; h < 2; ++h) {
    if (is_first) {
      add_half(a, starts, rows, bytes + 32 * h, scales + 8 * h, true, sums[h]);
    } else {
      LOOP_NAME(a, starts, rows, bytes + 32 * h, scales + 8 * h, sums[h]);
    }
  }
}

/// All slices of `rows` rows with up to `PANELS` panels from `output` on.
static void tile(
  const martlet_gemm_u8s4_params *p, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t output
) {
  _Alignas(64) row_slice a;
  _Alignas(64) panel_sums sums[PANELS];
  ptrdiff_t groups = (p->k + 31) / 32;
  ptrdiff_t left = (p->n - output + 15) / 16;
  ptrdiff_t panels = left < PANELS ? left : PANELS;
  if (groups == 0) memset(sums, 0, sizeof sums);
  for (ptrdiff_t g = 0; g < groups; g += GROUPS) {
    ptrdiff_t slice = groups - g < GROUPS ? groups - g : GROUPS;
    copy_rows(p, first, rows, g, slice, &a);
    for (ptrdiff_t panel = 0; panel < panels; ++panel) {
      ptrdiff_t group = (output / 16 + panel) * groups + g;
      for (ptrdiff_t s = 0; s < slice; ++s) {
        add_group(
          a.inputs + s * rows * 32, a.starts + s * rows, rows,
          p->codes + (group + s) * GROUP_BYTES, p->scales + (group + s) * 16, g + s == 0,
          sums[panel]);
      }
    }
  }
  for (ptrdiff_t panel = 0; panel < panels; ++panel) {
    finish_panel(p, output + 16 * panel, first, rows, sums[panel]);
  }
}

static void u8s4_product(const martlet_gemm_u8s4_params *p) {
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    ptrdiff_t rows = p->m - i < ROWS ? p->m - i : ROWS;
    for (ptrdiff_t o = 0; o < p->n; o += 16 * PANELS) tile(p, i, rows, o);
  }
}

#endif
