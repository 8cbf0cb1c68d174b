// Defines the product of float rows and float panels.

#include "../kernel_declarations.h"
#include "scalar_math.h"

void martlet_gemm_f32_scalar(const martlet_gemm_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *a = p->rows + i * p->row_stride;
    for (ptrdiff_t o = 0; o < p->n; ++o) {
      const float *w = p->panels + (o / 16) * p->panel_stride + o % 16;
      float y = martlet_scalar_bias(p->epilogue.bias, o);
      for (ptrdiff_t k = 0; k < p->k; ++k) y = fmaf(a[k], w[k * 16], y);
      martlet_scalar_finish(
        y, &p->epilogue, i, o, p->destination + i * p->destination_stride + o);
    }
  }
}
