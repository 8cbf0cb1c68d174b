// Tile kernels, one table per instruction set.
//
// In:      pointers into the caller's buffers, extents and strides in elements, constants in one struct.
// Out:     the destination tile and nothing else; no allocation, no global state, no I/O.
// Refuses: nothing. Extents must be as documented; checking them is the caller's work, once per layer.
//
// The arithmetic is normative: `scalar/` defines every result and every other ISA equals it bit for bit,
// floats included (a NaN may differ in sign and payload). All kernels assume the default rounding mode.
//
// Common rules, unless a kernel says otherwise:
//   - an extent may be 0 (then nothing is written); `m` counts rows, `k` inputs, `n` outputs;
//   - a stride counts elements between the starts of consecutive rows and is at least the row's width;
//   - no alignment is needed beyond the element's own;
//   - a kernel reads only the elements its extents name and writes only the named part of each row;
//   - source and destination may be the same rows with the same stride where "in place" is said;
//     every other overlap is a bug.
// A reduction over a row keeps 16 lanes: lane l takes elements l, l + 16, … in order, then lanes are
// combined l with l + 8, with l + 4, with l + 2, with l + 1.
//
// Stack: up to 192 KiB in the matrix products, little elsewhere.

#ifndef MARTLET_KERNELS_H
#define MARTLET_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define MARTLET_NONNULL _Nonnull
#define MARTLET_NULLABLE _Nullable
#else
#define MARTLET_NONNULL
#define MARTLET_NULLABLE
#endif

// MARK: Instruction sets

/// Instruction sets with a table, in ascending order of preference.
typedef enum martlet_isa {
  /// Plain C; the definition of all results.
  MARTLET_ISA_SCALAR = 0,
  /// x86-64 with AVX2, FMA and F16C.
  MARTLET_ISA_AVX2 = 1,
  /// x86-64 with AVX2 and AVX-VNNI, the 8-bit products of AVX-512 on 256 bits.
  MARTLET_ISA_AVXVNNI = 2,
  /// x86-64 with AVX-512 F, BW, VL, DQ and VNNI.
  MARTLET_ISA_AVX512VNNI = 3,
  /// 64-bit Arm as of ARMv8.0.
  MARTLET_ISA_NEON = 4,
  /// 64-bit Arm with the 8-bit dot products of ARMv8.2.
  MARTLET_ISA_NEON_DOTPROD = 5,
  /// 64-bit Arm with dot products and the 8-bit matrix products of ARMv8.6.
  MARTLET_ISA_NEON_I8MM = 6,
} martlet_isa;

/// How many values `martlet_isa` has.
#define MARTLET_ISA_COUNT 7

// MARK: Matrix products

/// What a product does to each output after the bias.
typedef enum martlet_activation {
  MARTLET_ACTIVATION_NONE = 0,
  /// `0.5 y (1 + erf(y / sqrt 2))`, as kernel `gelu`.
  MARTLET_ACTIVATION_GELU = 1,
  MARTLET_ACTIVATION_RELU = 2,
} martlet_activation;

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

// MARK: Neighbors in a map

/// A span of one output row of a depthwise convolution, zero padding `kernel / 2`, channels last.
///
/// `y[x][o] = bias[o]`, then `fma(input[stride x + s − kernel / 2][o / multiplier], weight[r · kernel + s][o], y)`
/// over kernel rows `r`, then columns `s`; inputs outside the map are +0. Then the activation. Rows
/// may be read over their whole width. Fast where `kernel` is 3 or 7, `stride` 1 or 2 and `count` a multiple of 8.
typedef struct martlet_depthwise_f32_params {
  /// Side of the kernel, odd.
  ptrdiff_t kernel;
  ptrdiff_t stride;
  /// Input channels; outputs are `channels · multiplier`.
  ptrdiff_t channels;
  ptrdiff_t multiplier;
  /// `[kernel]` pointers to input rows `[width, channels]`; NULL where the row lies outside the map.
  const float *MARTLET_NULLABLE const *MARTLET_NONNULL rows;
  /// Pixels in an input row.
  ptrdiff_t width;
  /// Elements from one input pixel to the next.
  ptrdiff_t pixel_stride;
  /// `float32Taps`: `[kernel · kernel, outputs]`.
  const float *MARTLET_NONNULL weights;
  /// `[outputs]`; NULL is all +0.
  const float *MARTLET_NULLABLE bias;
  martlet_activation activation;
  /// First output pixel computed, and how many.
  ptrdiff_t first;
  ptrdiff_t count;
  /// Output pixel `first`, `[count, outputs]`.
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_depthwise_f32_params;

/// The patches under a span of one output row of a dense convolution, zero padding `kernel / 2`:
/// `[count][kernel row][kernel column][channel]`, so that a product with `float32Patches` is the convolution.
typedef struct martlet_gather_patches_f32_params {
  /// Side of the kernel, odd.
  ptrdiff_t kernel;
  ptrdiff_t stride;
  ptrdiff_t channels;
  /// `[kernel]` pointers to input rows `[width, channels]`; NULL where the row lies outside the map.
  const float *MARTLET_NULLABLE const *MARTLET_NONNULL rows;
  ptrdiff_t width;
  /// Elements from one input pixel to the next.
  ptrdiff_t pixel_stride;
  /// First output pixel, and how many.
  ptrdiff_t first;
  ptrdiff_t count;
  /// `[count, kernel · kernel · channels]`
  float *MARTLET_NONNULL destination;
  ptrdiff_t destination_stride;
} martlet_gather_patches_f32_params;

// MARK: Attention

/// Rotary embedding in place of `heads` neighboring heads of each row: with `a1`, `a2` the halves of a head,
/// `y1 = fma(a1, cos, −(a2 · sin))`, `y2 = fma(a2, cos, a1 · sin)`.
typedef struct martlet_rotate_params {
  ptrdiff_t m;
  ptrdiff_t heads;
  /// Even.
  ptrdiff_t head_size;
  /// `[m, heads · head_size]`
  float *MARTLET_NONNULL values;
  ptrdiff_t stride;
  /// `[m, head_size / 2]`
  const float *MARTLET_NONNULL cosines;
  /// `[m, head_size / 2]`
  const float *MARTLET_NONNULL sines;
  ptrdiff_t table_stride;
} martlet_rotate_params;

/// Rows as *outputs* of a later product (keys): row `i` becomes lane `(first + i) % 16` of panel
/// `(first + i) / 16` in `[rows / 16][d][16]`. Other lanes are not touched: clear the buffer once.
typedef struct martlet_pack_keys_params {
  ptrdiff_t m;
  ptrdiff_t d;
  /// Rows already in the buffer.
  ptrdiff_t first;
  /// `[m, d]`
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// The whole buffer.
  float *MARTLET_NONNULL panels;
} martlet_pack_keys_params;

/// Rows as *inputs* of a later product (values): element `c` of row `i` becomes
/// `panels[c / 16 · panel_stride + (first + i) · 16 + c % 16]`; lanes beyond `d` are set to 0.
typedef struct martlet_pack_values_params {
  ptrdiff_t m;
  ptrdiff_t d;
  /// Rows already in the buffer.
  ptrdiff_t first;
  /// `[m, d]`
  const float *MARTLET_NONNULL source;
  ptrdiff_t source_stride;
  /// The whole buffer.
  float *MARTLET_NONNULL panels;
  /// `16 · capacity` in rows.
  ptrdiff_t panel_stride;
} martlet_pack_values_params;

// MARK: Probes

/// Runs the products' inner instructions `iterations` times on registers: the machine's peak, when timed.
typedef struct martlet_probe_params {
  ptrdiff_t iterations;
  /// Multiply-adds done, written.
  uint64_t *MARTLET_NONNULL multiply_adds;
} martlet_probe_params;

// MARK: The table

/// One function per kernel of `kernels.def`, each `void (*)(const params *)`.
typedef struct martlet_kernels {
#define MARTLET_KERNEL(name, params) \
  void (*MARTLET_NONNULL name)(const params *MARTLET_NONNULL params_);
#include "kernels.def"
#undef MARTLET_KERNEL
} martlet_kernels;

/// How many kernels the list has.
ptrdiff_t martlet_kernel_count(void);

/// The name of a kernel in the list, 0 ..< count.
const char *MARTLET_NONNULL martlet_kernel_name(ptrdiff_t index);

/// Whether this machine can run the instruction set.
bool martlet_isa_available(martlet_isa isa);

/// The most preferred instruction set this machine can run.
martlet_isa martlet_isa_best(void);

/// `"scalar"`, `"avx2"`, `"avxvnni"`, `"avx512vnni"`, `"neon"`, `"neon-dotprod"`, `"neon-i8mm"`; `"unknown"` for any
/// other value.
const char *MARTLET_NONNULL martlet_isa_name(martlet_isa isa);

/// Finds an instruction set by name; false, and `isa` untouched, if there is none of that name.
bool martlet_isa_named(const char *MARTLET_NONNULL name, martlet_isa *MARTLET_NONNULL isa);

/// The table of an instruction set, constant for the life of the process. Calling its kernels needs
/// `martlet_isa_available(isa)`. A set that this build's architecture does not have gives the scalar table.
const martlet_kernels *MARTLET_NONNULL martlet_kernels_for(martlet_isa isa);

#endif
