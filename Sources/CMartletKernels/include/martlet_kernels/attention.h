// Parameters of what attention needs beside products and softmax: rotation, keys and values as panels.

#ifndef MARTLET_KERNELS_ATTENTION_H
#define MARTLET_KERNELS_ATTENTION_H

#include "basics.h"

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

#endif
