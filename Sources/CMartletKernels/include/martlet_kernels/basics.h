// What every parameter struct is made of.

#ifndef MARTLET_KERNELS_BASICS_H
#define MARTLET_KERNELS_BASICS_H

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

/// What a product or a convolution does to each output after the bias.
typedef enum martlet_activation {
  MARTLET_ACTIVATION_NONE = 0,
  /// `0.5 y (1 + erf(y / sqrt 2))`, as kernel `gelu`.
  MARTLET_ACTIVATION_GELU = 1,
  MARTLET_ACTIVATION_RELU = 2,
} martlet_activation;

#endif
