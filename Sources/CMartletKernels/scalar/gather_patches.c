// Defines the patches under a dense convolution.

#include "../kernel_declarations.h"

void martlet_gather_patches_f32_scalar(const martlet_gather_patches_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t r = 0; r < p->kernel; ++r) {
      for (ptrdiff_t x = start; x < start + p->kernel; ++x) {
        bool inside = p->rows[r] && x >= 0 && x < p->width;
        for (ptrdiff_t c = 0; c < p->channels; ++c) {
          *y++ = inside ? p->rows[r][x * p->pixel_stride + c] : 0.0f;
        }
      }
    }
  }
}
