// Defines the product of 8-bit activations and 4-bit weights.

#include "../kernel_declarations.h"
#include "scalar_math.h"

/// The exact product of one group of 32 inputs; `w` is the output's first byte in the group.
static int32_t group_sum(const uint8_t *a, const uint8_t *w) {
  int32_t sum = 0;
  for (ptrdiff_t k = 0; k < 16; ++k) {
    uint8_t byte = w[k / 4 * 64 + k % 4];
    sum += a[k] * ((byte & 15) - 8) + a[16 + k] * ((byte >> 4) - 8);
  }
  return sum;
}

void martlet_gemm_u8s4_scalar(const martlet_gemm_u8s4_params *p) {
  ptrdiff_t groups = (p->k + 31) / 32;
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const uint8_t *a = p->rows + i * p->row_stride;
    for (ptrdiff_t o = 0; o < p->n; ++o) {
      const uint8_t *w = p->codes + (o / 16) * groups * 256 + (o % 16) * 4;
      const uint16_t *scales = p->scales + (o / 16) * groups * 16 + o % 16;
      float y = 0.0f;
      for (ptrdiff_t g = 0; g < groups; ++g) {
        float scale = martlet_scalar_half_to_float(scales[g * 16]);
        y = fmaf((float)group_sum(a + g * 32, w + g * 256), scale, y);
      }
      y = fmaf(-(float)p->row_zeros[i], p->offsets[o], y);
      y = fmaf(p->row_scales[i], y, martlet_scalar_bias(p->epilogue.bias, o));
      martlet_scalar_finish(
        y, &p->epilogue, i, o, p->destination + i * p->destination_stride + o);
    }
  }
}
