// Parameters of functions over rows: elementwise, norms and softmax.

#ifndef MARTLET_KERNELS_ROWS_H
#define MARTLET_KERNELS_ROWS_H

#include "basics.h"

// MARK: Pointwise

/// A function of each element of `[m, width]`; in place allowed.
///
/// `gelu`: erf form. `relu`: `0 > x ? 0 : x`, NaN kept. `sigmoid`: `1 / (1 + exp(−x))`.
/// `silu_gate`: `y[j] = x[j] / (1 + exp(−x[j])) · x[width + j]`; its source rows are `2 width` wide.
typedef struct martlet_map_rows_params {
  ptrdiff_t m;
  /// Of the destination.
  ptrdiff_t width;
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[m, width]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_map_rows_params;

/// `y = a + b` over `[m, width]`; in place on either.
typedef struct martlet_add_params {
  ptrdiff_t m;
  ptrdiff_t width;
  const float *MARTLET_NONNULL a;
  ptrdiff_t a_stride;
  const float *MARTLET_NONNULL b;
  ptrdiff_t b_stride;
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_add_params;

/// `y[i][o] = fma(b[i][o], scale[o], offset[o]) + a[i][o]`, a missing offset being +0; in place on either.
typedef struct martlet_add_scaled_params {
  ptrdiff_t m;
  ptrdiff_t width;
  const float *MARTLET_NONNULL a;
  ptrdiff_t a_stride;
  const float *MARTLET_NONNULL b;
  ptrdiff_t b_stride;
  /// `[width]`
  const float *MARTLET_NONNULL scale;
  /// `[width]` or NULL.
  const float *MARTLET_NULLABLE offset;
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_add_scaled_params;

/// `y[i][o] = x[i][o] · scale[o]`, or `fma(x, scale, offset)` where there is an offset; in place allowed.
typedef struct martlet_scale_columns_params {
  ptrdiff_t m;
  ptrdiff_t width;
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[width]`
  const float *MARTLET_NONNULL scale;
  /// `[width]` or NULL.
  const float *MARTLET_NULLABLE offset;
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_scale_columns_params;

/// `sums[o] = sums[o] + x[i][o]`, rows ascending.
typedef struct martlet_sum_columns_params {
  ptrdiff_t m;
  ptrdiff_t width;
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[width]`, read and written.
  float *MARTLET_NONNULL sums;
} martlet_sum_columns_params;

// MARK: Row reductions

/// Norms of rows `[m, k]`; in place allowed.
///
/// `layer_norm_rows`: `mean = sum x / k`, `variance = sum (x − mean)² / k`, `r = 1 / sqrt(variance + eps)`,
/// `y = fma((x − mean) · r, weight, bias)`, a missing weight being 1 and a missing bias +0.
/// `rms_norm_rows`: `r = 1 / sqrt(sum x² / k + eps)`, `y = (x · r) · weight`; bias is not read.
typedef struct martlet_norm_rows_params {
  ptrdiff_t m;
  ptrdiff_t k;
  float eps;
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[k]` or NULL.
  const float *MARTLET_NULLABLE weight;
  /// `[k]` or NULL.
  const float *MARTLET_NULLABLE bias;
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_norm_rows_params;

/// Softmax in place over the first `first_length + i · length_increment` elements of row `i`.
///
/// `t = x · scale`, `e = exp(t − max t)`, `y = e · (1 / sum e)`. The rest of the row up to `width` becomes 0; a
/// length of 0 gives a row of zeros. `length_increment` is 0 for full attention and 1 for a causal tile.
typedef struct martlet_softmax_rows_params {
  ptrdiff_t m;
  /// At least every length.
  ptrdiff_t width;
  ptrdiff_t first_length;
  ptrdiff_t length_increment;
  float scale;
  /// `[m, width]`
  float *MARTLET_NONNULL values;
  ptrdiff_t stride;
} martlet_softmax_rows_params;

#endif
