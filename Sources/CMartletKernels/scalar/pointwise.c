// Defines the functions of single elements and of columns.

#include "../kernel_declarations.h"
#include "scalar_math.h"

void martlet_gelu_scalar(const martlet_map_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) y[j] = martlet_scalar_gelu(x[j]);
  }
}

void martlet_relu_scalar(const martlet_map_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) y[j] = martlet_scalar_relu(x[j]);
  }
}

void martlet_sigmoid_scalar(const martlet_map_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) y[j] = 1.0f / (1.0f + martlet_scalar_exp(-x[j]));
  }
}

void martlet_silu_gate_scalar(const martlet_map_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) {
      y[j] = x[j] / (1.0f + martlet_scalar_exp(-x[j])) * x[p->width + j];
    }
  }
}

void martlet_add_scalar(const martlet_add_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *a = p->a + i * p->a_stride;
    const float *b = p->b + i * p->b_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) y[j] = a[j] + b[j];
  }
}

void martlet_add_scaled_scalar(const martlet_add_scaled_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *a = p->a + i * p->a_stride;
    const float *b = p->b + i * p->b_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) {
      y[j] = fmaf(b[j], p->scale[j], martlet_scalar_bias(p->offset, j)) + a[j];
    }
  }
}

void martlet_scale_columns_scalar(const martlet_scale_columns_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) {
      y[j] = p->offset ? fmaf(x[j], p->scale[j], p->offset[j]) : x[j] * p->scale[j];
    }
  }
}

void martlet_sum_columns_scalar(const martlet_sum_columns_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    for (ptrdiff_t j = 0; j < p->width; ++j) p->sums[j] = p->sums[j] + x[j];
  }
}
