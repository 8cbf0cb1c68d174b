// The patches under a dense convolution: whole kernel rows are copied where they lie inside the map. Plain C, made for each
// instruction set by including it behind MARTLET_BEGIN_TARGET.

#ifndef MARTLET_GATHER_PATCHES_H
#define MARTLET_GATHER_PATCHES_H

#include <string.h>

#include "kernel_declarations.h"
#include "martlet_intrinsics.h"

/// The taps of one kernel row under one output pixel: zeros, inputs, zeros.
MARTLET_INLINE void gather_row(
  const martlet_gather_patches_f32_params *p, const float *row, ptrdiff_t start, float *y
) {
  ptrdiff_t c = p->channels;
  for (ptrdiff_t s = 0; s < p->kernel; ++s, y += c) {
    ptrdiff_t x = start + s;
    if (!row || x < 0 || x >= p->width) {
      for (ptrdiff_t j = 0; j < c; ++j) y[j] = 0.0f;
    } else {
      for (ptrdiff_t j = 0; j < c; ++j) y[j] = row[x * p->pixel_stride + j];
    }
  }
}

MARTLET_INLINE void gather_patches(const martlet_gather_patches_f32_params *p) {
  ptrdiff_t width = p->kernel * p->channels;
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    bool inside = start >= 0 && start + p->kernel <= p->width && p->pixel_stride == p->channels;
    for (ptrdiff_t r = 0; r < p->kernel; ++r) {
      const float *row = p->rows[r];
      float *y = p->destination + i * p->destination_stride + r * width;
      if (row && inside) {
        memcpy(y, row + start * p->pixel_stride, (size_t)width * sizeof *y);
      } else {
        gather_row(p, row, start, y);
      }
    }
  }
}

#endif
