#include "faulty_kernels.h"

#include <math.h>

static martlet_kernels right[FAULTY_COUNT];
static martlet_kernels tables[FAULTY_COUNT];

static void nudge(float *value) { *value = nextafterf(*value, INFINITY); }

static void product(const martlet_gemm_u8s8_params *p) {
  right[FAULTY_PRODUCT].gemm_u8s8(p);
  if (p->m > 0 && p->n > 0) {
    nudge(p->destination + (p->m - 1) * p->destination_stride + p->n - 1);
  }
}

static void rounding(const martlet_quantize_rows_params *p) {
  right[FAULTY_ROUNDING].quantize_rows_dynamic(p);
  for (ptrdiff_t row = 0; row < p->m && p->k > 0; ++row) {
    uint8_t *code = p->destination + row * p->destination_stride;
    if (*code < 255) ++*code;
  }
}

static void depthwise(const martlet_depthwise_f32_params *p) {
  right[FAULTY_DEPTHWISE].depthwise_f32(p);
  if (p->count > 0) nudge(p->destination + (p->count - 1) * p->destination_stride);
}

static void softmax(const martlet_softmax_rows_params *p) {
  right[FAULTY_SOFTMAX].softmax_rows(p);
  for (ptrdiff_t row = 0; row < p->m && p->width > 0; ++row) nudge(p->values + row * p->stride);
}

static void rms_norm(const martlet_norm_rows_params *p) {
  right[FAULTY_RMS_NORM].rms_norm_rows(p);
  for (ptrdiff_t row = 0; row < p->m && p->k > 0; ++row) {
    nudge(p->destination + row * p->destination_stride);
  }
}

static void decoding(const martlet_rotate_params *p) {
  if (p->m > 1) right[FAULTY_DECODING].rotate(p);
}

const martlet_kernels *faulty_kernels(const martlet_kernels *base, faulty_kernel fault) {
  right[fault] = *base;
  martlet_kernels *table = &tables[fault];
  *table = *base;
  switch (fault) {
    case FAULTY_PRODUCT: table->gemm_u8s8 = product; break;
    case FAULTY_ROUNDING: table->quantize_rows_dynamic = rounding; break;
    case FAULTY_DEPTHWISE: table->depthwise_f32 = depthwise; break;
    case FAULTY_SOFTMAX: table->softmax_rows = softmax; break;
    case FAULTY_RMS_NORM: table->rms_norm_rows = rms_norm; break;
    case FAULTY_DECODING: table->rotate = decoding; break;
    default: break;
  }
  return table;
}
