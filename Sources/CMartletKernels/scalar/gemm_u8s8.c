// Defines the product of 8-bit activations and 8-bit weights.

#include "../kernel_declarations.h"
#include "scalar_math.h"

void martlet_gemm_u8s8_scalar(const martlet_gemm_u8s8_params *p) {
  ptrdiff_t blocks = (p->k + 3) / 4;
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const uint8_t *a = p->rows + i * p->row_stride;
    for (ptrdiff_t o = 0; o < p->n; ++o) {
      const int8_t *w = p->codes + (o / 16) * blocks * 64 + (o % 16) * 4;
      int32_t sum = 0;
      for (ptrdiff_t k = 0; k < 4 * blocks; ++k) sum += a[k] * w[k / 4 * 64 + k % 4];
      sum -= p->row_zeros[i] * p->offsets[o];
      float y = fmaf(
        (float)sum, p->row_scales[i] * p->scales[o], martlet_scalar_bias(p->epilogue.bias, o));
      martlet_scalar_finish(
        y, &p->epilogue, i, o, p->destination + i * p->destination_stride + o);
    }
  }
}
