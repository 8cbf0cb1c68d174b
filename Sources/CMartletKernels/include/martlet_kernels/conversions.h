// Parameters of what changes a number's form: rows to 8 bits and back, pixels to floats, rows of a cache.

#ifndef MARTLET_KERNELS_CONVERSIONS_H
#define MARTLET_KERNELS_CONVERSIONS_H

#include "basics.h"

// MARK: Conversions

/// Rows of floats to unsigned 8 bits: `q = clamp(rne(x · (1 / scale)) + zero, 0, 255)`.
///
/// `quantize_rows_dynamic`: `lo = min(0, min x)`, `hi = max(0, max x)`, `scale = (hi − lo) / 255`,
/// `zero = clamp(rne(−lo / scale), 0, 255)`; a scale below the smallest normal float becomes scale 1,
/// zero 0. `quantize_rows_fixed`: the given scale and zero for every row, written to the arrays as well.
/// NaN becomes code 0 and takes no part in the range. A range that is not finite gives scale infinity
/// and codes without meaning, so that the product shows it.
typedef struct martlet_quantize_rows_params {
  ptrdiff_t m;
  ptrdiff_t k;
  /// `[m, k]`
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[m, padded_k]`; codes from `k` to `padded_k` are set to 0.
  uint8_t *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
  /// At least `k`.
  ptrdiff_t padded_k;
  /// `[m]`, written.
  float *MARTLET_NONNULL row_scales;
  /// `[m]`, written.
  int32_t *MARTLET_NONNULL row_zeros;
  /// Fixed only; a positive normal float.
  float fixed_scale;
  /// Fixed only; 0…255.
  int32_t fixed_zero;
} martlet_quantize_rows_params;

/// `y = (float)x`.
typedef struct martlet_u8_to_f32_params {
  ptrdiff_t m;
  ptrdiff_t width;
  /// `[m, width]`
  const uint8_t *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[m, width]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_u8_to_f32_params;

/// Output `row` of `int8Panels` as floats: `code · scale`.
typedef struct martlet_dequantize_row_s8_params {
  ptrdiff_t row;
  ptrdiff_t k;
  /// The whole table, `[rows / 16][k / 4][16][4]`.
  const int8_t *MARTLET_NONNULL codes;
  /// The whole table's `[rows]`.
  const float *MARTLET_NONNULL scales;
  /// `[k]`
  float *MARTLET_NONNULL destination;
} martlet_dequantize_row_s8_params;

/// Output `row` of `int4Panels` as floats: `code · scale` of the input's group.
typedef struct martlet_dequantize_row_s4_params {
  ptrdiff_t row;
  ptrdiff_t k;
  /// The whole table, `[rows / 16][k / 32][4][16][4]` bytes.
  const uint8_t *MARTLET_NONNULL codes;
  /// The whole table's f16 bits, `[rows / 16][k / 32][16]`.
  const uint16_t *MARTLET_NONNULL scales;
  /// `[k]`
  float *MARTLET_NONNULL destination;
} martlet_dequantize_row_s4_params;

/// Output `row` of `float32Panels`, copied.
typedef struct martlet_dequantize_row_f32_params {
  ptrdiff_t row;
  ptrdiff_t k;
  /// The whole table, `[rows / 16][k][16]`.
  const float *MARTLET_NONNULL panels;
  /// `[k]`
  float *MARTLET_NONNULL destination;
} martlet_dequantize_row_f32_params;

// MARK: Rows of a cache

/// `[m, width]` floats to f16 bits, to nearest, ties to even; a NaN becomes a quiet one.
typedef struct martlet_f32_to_f16_params {
  ptrdiff_t m;
  ptrdiff_t width;
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  uint16_t *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_f32_to_f16_params;

/// `[m, width]` f16 bits to floats, exactly.
typedef struct martlet_f16_to_f32_params {
  ptrdiff_t m;
  ptrdiff_t width;
  const uint16_t *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_f16_to_f32_params;

/// Rows to signed 8 bits: `d = x − subtrahend`, `scale = max |d| / 127`, `q = clamp(rne(d · (1 / scale)), −127, 127)`.
///
/// A scale below the smallest normal float becomes 1. NaN becomes code 0 and takes no part in the range. A range that is
/// not finite gives scale infinity, so that what is read back shows it.
typedef struct martlet_quantize_rows_s8_params {
  ptrdiff_t m;
  ptrdiff_t k;
  /// `[m, k]`
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[k]`; NULL is all +0.
  const float *MARTLET_NULLABLE subtrahend;
  /// `[m, k]`
  int8_t *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
  /// `[m]`, written.
  float *MARTLET_NONNULL row_scales;
} martlet_quantize_rows_s8_params;

/// Back again: `y = fma((float)q, scale, addend)`.
typedef struct martlet_dequantize_rows_s8_params {
  ptrdiff_t m;
  ptrdiff_t k;
  /// `[m, k]`
  const int8_t *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// `[m]`
  const float *MARTLET_NONNULL row_scales;
  /// `[k]`; NULL is all +0.
  const float *MARTLET_NULLABLE addend;
  /// `[m, k]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_dequantize_rows_s8_params;

#endif
