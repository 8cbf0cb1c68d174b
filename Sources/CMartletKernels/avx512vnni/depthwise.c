#if defined(__x86_64__)

// Depthwise convolution, for a block of neighboring pixels × sixteen outputs at a time:
//
//   for kernel row r, for input pixel j under the block, for each pixel i of the block under whose tap s it lies:
//     y[i] = fma(input[r][j], weight[r][s], y[i])
//
// Every input is loaded once for a kernel row and meets all the block's pixels that see it, whose sums and the row's
// weights stay in registers: 29 loads for 112 fused multiply-adds of a 7 × 7. For one pixel the taps come in ascending order
// as everywhere. Blocks follow each other along the row, and all outputs of a block come before the next one, so that
// memory is read in order. Inputs outside the map are loaded under an empty mask, which gives +0.

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

#include "avx512vnni_math.h"

enum {
  LANES = 16,
  /// Output pixels of a block, at most.
  PIXELS = 16,
  KERNEL = 7,
  /// Input pixels under a block, at most.
  REACH = PIXELS - 1 + KERNEL,
};

/// Some output pixels of a span.
typedef struct pixel_block {
  /// The first one, counted in the span, and how many are wanted.
  ptrdiff_t first;
  ptrdiff_t live;
  /// The input pixel under the first tap.
  ptrdiff_t start;
  /// Whether each input pixel lies in the map: all lanes or none.
  __mmask16 valid[REACH];
} pixel_block;

/// The inputs of sixteen outputs at one pixel.
MARTLET_INLINE __m512 inputs_at(const float *from, int multiplier, __mmask16 mask) {
  if (multiplier == 1) return _mm512_maskz_loadu_ps(mask, from);
  const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(mask, from));
}

/// One kernel row: taps `weights` over the inputs from `row` on.
MARTLET_INLINE void add_row(
  int kernel, int stride, int multiplier, int pixels, const float *row, ptrdiff_t pitch,
  const __mmask16 *masks, const __m512 *weights, __m512 *y
) {
  MARTLET_UNROLL
  for (int j = 0; j < stride * (pixels - 1) + kernel; ++j) {
    const float *from = row + j * pitch;
    // What the next sixteen outputs need: too many places at once for the machine to foresee.
    _mm_prefetch((const char *)(from + LANES), _MM_HINT_T0);
    __m512 x = inputs_at(from, multiplier, masks[j]);
    MARTLET_UNROLL
    for (int s = 0; s < kernel; ++s) {
      int i = (j - s) / stride;
      if (j < s || (j - s) % stride != 0 || i >= pixels) continue;
      y[i] = _mm512_fmadd_ps(x, weights[s], y[i]);
    }
  }
}

/// Sixteen outputs, or as many as there are, from `output` on at the pixels of a block. `inside`: all inputs lie in the map
/// and all lanes are outputs.
MARTLET_INLINE void block(
  const martlet_depthwise_f32_params *p, int kernel, int stride, int multiplier, int pixels,
  bool inside, const pixel_block *b, ptrdiff_t output
) {
  ptrdiff_t outputs = p->channels * p->multiplier;
  __mmask16 lanes = inside ? 0xFFFF : martlet_avx512vnni_mask(outputs - output);
  // Of twice as many outputs as inputs, eight inputs are read.
  __mmask16 inputs = martlet_avx512vnni_mask(
    ((inside || outputs - output > LANES ? LANES : outputs - output) + multiplier - 1) / multiplier);
  __mmask16 masks[REACH];
  MARTLET_UNROLL
  for (int j = 0; j < stride * (pixels - 1) + kernel; ++j) {
    masks[j] = inside ? inputs : (__mmask16)(b->valid[j] & inputs);
  }
  __m512 y[PIXELS];
  __m512 bias = p->bias ? _mm512_maskz_loadu_ps(lanes, p->bias + output) : _mm512_setzero_ps();
  MARTLET_UNROLL
  for (int i = 0; i < pixels; ++i) y[i] = bias;
  for (int r = 0; r < kernel; ++r) {
    __m512 weights[KERNEL];
    MARTLET_UNROLL
    for (int s = 0; s < kernel; ++s) {
      weights[s] = _mm512_maskz_loadu_ps(lanes, p->weights + (r * kernel + s) * outputs + output);
    }
    if (p->rows[r]) {
      const float *row = p->rows[r] + b->start * p->pixel_stride + output / multiplier;
      add_row(
        kernel, stride, multiplier, pixels, row, p->pixel_stride, masks, weights, y);
    } else {
      MARTLET_UNROLL
      for (int s = 0; s < kernel; ++s) {
        MARTLET_UNROLL
        for (int i = 0; i < pixels; ++i) {
          y[i] = _mm512_fmadd_ps(_mm512_setzero_ps(), weights[s], y[i]);
        }
      }
    }
  }
  if (p->activation == MARTLET_ACTIVATION_GELU) {
    MARTLET_UNROLL
    for (int i = 0; i < pixels; ++i) y[i] = martlet_avx512vnni_gelu(y[i]);
  } else if (p->activation == MARTLET_ACTIVATION_RELU) {
    MARTLET_UNROLL
    for (int i = 0; i < pixels; ++i) y[i] = martlet_avx512vnni_relu(y[i]);
  }
  float *to = p->destination + b->first * p->destination_stride + output;
  MARTLET_UNROLL
  for (int i = 0; i < pixels; ++i) {
    if (i >= b->live) break;
    _mm512_mask_storeu_ps(to + i * p->destination_stride, lanes, y[i]);
  }
}

/// All outputs at up to `pixels` pixels from `first` of the span on.
MARTLET_INLINE void run_pixels(
  const martlet_depthwise_f32_params *p, int kernel, int stride, int multiplier, int pixels,
  ptrdiff_t first
) {
  pixel_block b = {.first = first};
  b.live = p->count - first < pixels ? p->count - first : pixels;
  b.start = (p->first + first) * stride - kernel / 2;
  bool inside = true;
  for (int j = 0; j < stride * (pixels - 1) + kernel; ++j) {
    ptrdiff_t x = b.start + j;
    b.valid[j] = x >= 0 && x < p->width ? 0xFFFF : 0;
    inside = inside && b.valid[j] != 0;
  }
  ptrdiff_t outputs = p->channels * multiplier;
  ptrdiff_t output = 0;
  if (inside) {
    for (; output + LANES <= outputs; output += LANES) {
      block(p, kernel, stride, multiplier, pixels, true, &b, output);
    }
  }
  for (; output < outputs; output += LANES) {
    block(p, kernel, stride, multiplier, pixels, false, &b, output);
  }
}

// One function for each kernel, stride, multiplier and number of pixels, so that the compiler knows them.
#define PIXELS_OF(kernel, stride, multiplier, pixels)                             \
  static void pixels_##kernel##_##stride##_##multiplier##_##pixels(               \
    const martlet_depthwise_f32_params *p, ptrdiff_t first                        \
  ) {                                                                             \
    run_pixels(p, kernel, stride, multiplier, pixels, first);                     \
  }

PIXELS_OF(3, 1, 1, 8)
PIXELS_OF(3, 1, 1, 16)
PIXELS_OF(3, 2, 1, 8)
PIXELS_OF(3, 2, 2, 8)
PIXELS_OF(7, 1, 1, 8)
PIXELS_OF(7, 1, 1, 16)
PIXELS_OF(7, 2, 1, 8)
PIXELS_OF(7, 2, 2, 8)

typedef void (*pixels_function)(const martlet_depthwise_f32_params *p, ptrdiff_t first);

/// The whole span: blocks of sixteen where there is a function for them, then of eight.
static void run_span(
  const martlet_depthwise_f32_params *p, pixels_function eight, pixels_function sixteen
) {
  ptrdiff_t i = 0;
  if (sixteen) {
    for (; p->count - i > 8; i += 16) sixteen(p, i);
  }
  for (; i < p->count; i += 8) eight(p, i);
}

void martlet_depthwise_f32_avx512vnni(const martlet_depthwise_f32_params *p) {
  bool one = p->multiplier == 1;
  if (p->kernel == 3 && p->stride == 1 && one) {
    run_span(p, pixels_3_1_1_8, pixels_3_1_1_16);
  } else if (p->kernel == 7 && p->stride == 1 && one) {
    run_span(p, pixels_7_1_1_8, pixels_7_1_1_16);
  } else if (p->kernel == 3 && p->stride == 2 && p->multiplier <= 2) {
    run_span(p, one ? pixels_3_2_1_8 : pixels_3_2_2_8, NULL);
  } else if (p->kernel == 7 && p->stride == 2 && p->multiplier <= 2) {
    run_span(p, one ? pixels_7_2_1_8 : pixels_7_2_2_8, NULL);
  } else {
    martlet_depthwise_f32_avx2(p);
  }
}

MARTLET_END_TARGET

#endif
