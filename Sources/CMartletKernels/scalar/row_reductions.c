// Defines the norms and softmax, lane order included.

#include "../kernel_declarations.h"
#include "scalar_math.h"

static float sum_of(const float *x, ptrdiff_t k) {
  float lanes[16] = {0};
  for (ptrdiff_t j = 0; j < k; ++j) lanes[j % 16] = lanes[j % 16] + x[j];
  return martlet_scalar_lanes_sum(lanes);
}

/// Sum of (x − center)².
static float sum_of_squares(const float *x, ptrdiff_t k, float center) {
  float lanes[16] = {0};
  for (ptrdiff_t j = 0; j < k; ++j) {
    float difference = x[j] - center;
    lanes[j % 16] = fmaf(difference, difference, lanes[j % 16]);
  }
  return martlet_scalar_lanes_sum(lanes);
}

void martlet_layer_norm_rows_scalar(const martlet_norm_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    float mean = sum_of(x, p->k) / (float)p->k;
    float variance = sum_of_squares(x, p->k, mean) / (float)p->k;
    float r = 1.0f / sqrtf(variance + p->eps);
    for (ptrdiff_t j = 0; j < p->k; ++j) {
      y[j] = fmaf(
        (x[j] - mean) * r, p->weight ? p->weight[j] : 1.0f, martlet_scalar_bias(p->bias, j));
    }
  }
}

void martlet_rms_norm_rows_scalar(const martlet_norm_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    const float *x = p->source + i * p->source_stride;
    float *y = p->destination + i * p->destination_stride;
    float r = 1.0f / sqrtf(sum_of_squares(x, p->k, 0.0f) / (float)p->k + p->eps);
    for (ptrdiff_t j = 0; j < p->k; ++j) {
      y[j] = (x[j] * r) * (p->weight ? p->weight[j] : 1.0f);
    }
  }
}

static void softmax(float *x, ptrdiff_t length, float scale) {
  float highest = -INFINITY;
  for (ptrdiff_t j = 0; j < length; ++j) {
    x[j] = x[j] * scale;
    highest = x[j] > highest ? x[j] : highest;
  }
  float lanes[16] = {0};
  for (ptrdiff_t j = 0; j < length; ++j) {
    x[j] = martlet_scalar_exp(x[j] - highest);
    lanes[j % 16] = lanes[j % 16] + x[j];
  }
  float inverse = 1.0f / martlet_scalar_lanes_sum(lanes);
  for (ptrdiff_t j = 0; j < length; ++j) x[j] = x[j] * inverse;
}

void martlet_softmax_rows_scalar(const martlet_softmax_rows_params *p) {
  for (ptrdiff_t i = 0; i < p->m; ++i) {
    float *x = p->values + i * p->stride;
    ptrdiff_t length = p->first_length + i * p->length_increment;
    softmax(x, length, p->scale);
    for (ptrdiff_t j = length; j < p->width; ++j) x[j] = 0.0f;
  }
}
