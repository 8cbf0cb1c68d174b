// Defines the depthwise convolution.

#include "../kernel_declarations.h"
#include "scalar_math.h"

/// Output channel `o` of the output pixel whose first tap lies at input pixel `start`.
static float depthwise(const martlet_depthwise_f32_params *p, ptrdiff_t start, ptrdiff_t o) {
  ptrdiff_t outputs = p->channels * p->multiplier;
  float y = martlet_scalar_bias(p->bias, o);
  for (ptrdiff_t r = 0; r < p->kernel; ++r) {
    for (ptrdiff_t s = 0; s < p->kernel; ++s) {
      ptrdiff_t x = start + s;
      bool inside = p->rows[r] && x >= 0 && x < p->width;
      float input = inside ? p->rows[r][x * p->pixel_stride + o / p->multiplier] : 0.0f;
      y = fmaf(input, p->weights[(r * p->kernel + s) * outputs + o], y);
    }
  }
  return y;
}

void martlet_depthwise_f32_scalar(const martlet_depthwise_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    for (ptrdiff_t o = 0; o < p->channels * p->multiplier; ++o) {
      p->destination[i * p->destination_stride + o] =
        martlet_scalar_activate(depthwise(p, start, o), p->activation);
    }
  }
}
