// Defines the rotary embedding and the packing of keys and values.

#include "../kernel_declarations.h"
#include "scalar_math.h"

void martlet_rotate_scalar(const martlet_rotate_params *p) {
  ptrdiff_t half = p->head_size / 2;
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *cosines = p->cosines + i * p->table_stride;
    const float *sines = p->sines + i * p->table_stride;
    for (ptrdiff_t h = 0; h < p->heads; ++h) {
      float *head = p->values + i * p->stride + h * p->head_size;
      for (ptrdiff_t j = 0; j < half; ++j) {
        float a1 = head[j];
        float a2 = head[half + j];
        head[j] = fmaf(a1, cosines[j], -(a2 * sines[j]));
        head[half + j] = fmaf(a2, cosines[j], a1 * sines[j]);
      }
    }
  }
}

void martlet_pack_keys_scalar(const martlet_pack_keys_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    ptrdiff_t row = p->first + i;
    float *lane = p->panels + row / 16 * p->d * 16 + row % 16;
    for (ptrdiff_t c = 0; c < p->d; ++c) lane[c * 16] = p->source[i * p->source_stride + c];
  }
}

void martlet_pack_values_scalar(const martlet_pack_values_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    for (ptrdiff_t c = 0; c < (p->d + 15) / 16 * 16; ++c) {
      p->panels[c / 16 * p->panel_stride + (p->first + i) * 16 + c % 16] =
        c < p->d ? p->source[i * p->source_stride + c] : 0.0f;
    }
  }
}
