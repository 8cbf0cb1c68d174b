// Parameters of the matrix products: 8-bit activations with weights of 8 and 4 bits, and floats.

#ifndef MARTLET_KERNELS_MATRIX_PRODUCTS_H
#define MARTLET_KERNELS_MATRIX_PRODUCTS_H

#include "basics.h"

/// The end of a matrix product: `destination = activation(product + bias) + residual`.
typedef struct martlet_epilogue {
  /// `[n]`; NULL is all +0.
  const float *MARTLET_NULLABLE bias;
  martlet_activation activation;
  /// `[m, n]` with its own stride, or NULL. May be the destination itself (same pointer and stride).
  const float *MARTLET_NULLABLE residual;
  ptrdiff_t residual_stride;
} martlet_epilogue;

/// `y[i][o] = fma((float)(sum_k a[i][k] w[o][k] − zero[i] offset[o]), a_scale[i] · scale[o], bias[o])`.
///
/// The sum is exact in int32, so `k` is at most 65,535. To split outputs over threads, start `codes`
/// (by whole panels), `scales`, `offsets`, `bias`, `residual` and `destination` at the same output.
typedef struct martlet_gemm_u8s8_params {
  ptrdiff_t m;
  /// Real outputs; panels read are `(n + 15) / 16`.
  ptrdiff_t n;
  /// Real inputs; `k` rounded up to 4 is read of each row (the codes there are 0).
  ptrdiff_t k;
  /// `[m, k]`
  const uint8_t *MARTLET_NONNULL rows;
  ptrdiff_t row_stride;
  /// `[m]`
  const float *MARTLET_NONNULL row_scales;
  /// `[m]`, 0…255.
  const int32_t *MARTLET_NONNULL row_zeros;
  /// `int8Panels`: `[n / 16][k / 4][16][4]`, both rounded up.
  const int8_t *MARTLET_NONNULL codes;
  /// `[n]` rounded up to 16.
  const float *MARTLET_NONNULL scales;
  /// `[n]` rounded up to 16: sums of each output's codes, which a kernel may rely on: it may add 128 of them to a sum
  /// in place of 128 to every activation.
  const int32_t *MARTLET_NONNULL offsets;
  martlet_epilogue epilogue;
  /// `[m, n]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_gemm_u8s8_params;

/// `Y = fma((float)sum_g, scale[g][o], Y)` from 0 over groups of 32 inputs in ascending order, `sum_g` exact;
/// then `y[i][o] = fma(a_scale[i], fma(−(float)zero[i], offset[o], Y), bias[o])`.
typedef struct martlet_gemm_u8s4_params {
  ptrdiff_t m;
  /// Real outputs; panels read are `(n + 15) / 16`.
  ptrdiff_t n;
  /// Real inputs; `k` rounded up to 32 is read of each row (the codes there are 0, stored 8).
  ptrdiff_t k;
  /// `[m, k]`
  const uint8_t *MARTLET_NONNULL rows;
  ptrdiff_t row_stride;
  /// `[m]`
  const float *MARTLET_NONNULL row_scales;
  /// `[m]`, 0…255.
  const int32_t *MARTLET_NONNULL row_zeros;
  /// `int4Panels`: `[n / 16][k / 32][4][16][4]` bytes.
  const uint8_t *MARTLET_NONNULL codes;
  /// f16 bits `[n / 16][k / 32][16]`.
  const uint16_t *MARTLET_NONNULL scales;
  /// `[n]` rounded up to 16: sums of scale · code.
  const float *MARTLET_NONNULL offsets;
  martlet_epilogue epilogue;
  /// `[m, n]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_gemm_u8s4_params;

/// `y[i][o] = bias[o]`, then `fma(a[i][k], w[o][k], y)` over ascending `k`.
typedef struct martlet_gemm_f32_params {
  ptrdiff_t m;
  /// Real outputs; panels read are `(n + 15) / 16`, all 16 lanes of each.
  ptrdiff_t n;
  ptrdiff_t k;
  /// `[m, k]`
  const float *MARTLET_NONNULL rows;
  ptrdiff_t row_stride;
  /// `float32Panels`: `[n / 16][k][16]`.
  const float *MARTLET_NONNULL panels;
  /// Elements from one panel to the next: `16 k`, or `16 · capacity` for cached values.
  ptrdiff_t panel_stride;
  martlet_epilogue epilogue;
  /// `[m, n]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_gemm_f32_params;

#endif
