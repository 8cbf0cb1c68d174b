// Stands in for martlet_intrinsics.h: the AVX-512 intrinsics that the kernels use, over SIMDe, with no
// instruction set turned on. It takes the other header's guard, so that the kernels' own include is empty.
//
// Fused multiply-adds are made here from `fmaf`: SIMDe rounds twice where the machine has none.

#ifndef MARTLET_INTRINSICS_H
#define MARTLET_INTRINSICS_H

// The compiler's own types must be there before SIMDe looks for them.
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Wide vectors pass between functions of one file only.
#pragma GCC diagnostic ignored "-Wpsabi"

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/simde-f16.h>
#include <simde/x86/avx512.h>
#define __mmask16 simde__mmask16

#define MARTLET_BEGIN_TARGET(features)
#define MARTLET_END_TARGET
#define MARTLET_INLINE static inline
#define MARTLET_UNROLL
#define MARTLET_KEEP(value) ((void)(value))

static inline simde__m512 simulated_fmadd_ps(simde__m512 a, simde__m512 b, simde__m512 c) {
  float x[16], y[16], z[16];
  simde_mm512_storeu_ps(x, a);
  simde_mm512_storeu_ps(y, b);
  simde_mm512_storeu_ps(z, c);
  for (int l = 0; l < 16; ++l) z[l] = fmaf(x[l], y[l], z[l]);
  return simde_mm512_loadu_ps(z);
}
#undef _mm512_fmadd_ps
#define _mm512_fmadd_ps(a, b, c) simulated_fmadd_ps(a, b, c)

/// `a < b ? a : b`, as the instruction has it where one is NaN.
static inline simde__m512 simulated_min_ps(simde__m512 a, simde__m512 b) {
  float x[16], y[16];
  simde_mm512_storeu_ps(x, a);
  simde_mm512_storeu_ps(y, b);
  for (int l = 0; l < 16; ++l) y[l] = x[l] < y[l] ? x[l] : y[l];
  return simde_mm512_loadu_ps(y);
}
#undef _mm512_min_ps
#define _mm512_min_ps(a, b) simulated_min_ps(a, b)

/// `a > b ? a : b`, as the instruction has it where one is NaN.
static inline simde__m512 simulated_max_ps(simde__m512 a, simde__m512 b) {
  float x[16], y[16];
  simde_mm512_storeu_ps(x, a);
  simde_mm512_storeu_ps(y, b);
  for (int l = 0; l < 16; ++l) y[l] = x[l] > y[l] ? x[l] : y[l];
  return simde_mm512_loadu_ps(y);
}
#undef _mm512_max_ps
#define _mm512_max_ps(a, b) simulated_max_ps(a, b)

static inline simde__m512 simulated_maskz_loadu_ps(simde__mmask16 mask, const float *from) {
  float x[16] = {0};
  for (int l = 0; l < 16; ++l) {
    if (mask >> l & 1) x[l] = from[l];
  }
  return simde_mm512_loadu_ps(x);
}
#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps(mask, from) simulated_maskz_loadu_ps(mask, from)

static inline void simulated_mask_storeu_ps(float *to, simde__mmask16 mask, simde__m512 a) {
  float x[16];
  simde_mm512_storeu_ps(x, a);
  for (int l = 0; l < 16; ++l) {
    if (mask >> l & 1) to[l] = x[l];
  }
}
#undef _mm512_mask_storeu_ps
#define _mm512_mask_storeu_ps(to, mask, a) simulated_mask_storeu_ps(to, mask, a)

static inline simde__m512 simulated_cvtepi32_ps(simde__m512i a) {
  int32_t x[16];
  float y[16];
  simde_mm512_storeu_si512(x, a);
  for (int l = 0; l < 16; ++l) y[l] = (float)x[l];
  return simde_mm512_loadu_ps(y);
}
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps(a) simulated_cvtepi32_ps(a)

static inline simde__m512 simulated_cvtph_ps(simde__m256i a) {
  uint16_t x[16];
  float y[16];
  memcpy(x, &a, sizeof x);
  for (int l = 0; l < 16; ++l) y[l] = simde_float16_to_float32(simde_uint16_as_float16(x[l]));
  return simde_mm512_loadu_ps(y);
}
#undef _mm512_cvtph_ps
#define _mm512_cvtph_ps(a) simulated_cvtph_ps(a)

static inline simde__m512i simulated_cvtps_epi32(simde__m512 a) {
  float x[16];
  int32_t y[16];
  simde_mm512_storeu_ps(x, a);
  for (int l = 0; l < 16; ++l) {
    // What does not fit, and NaN, becomes the smallest integer.
    bool fits = x[l] >= -0x1p31f && x[l] < 0x1p31f;
    y[l] = fits ? (int32_t)rintf(x[l]) : INT32_MIN;
  }
  return simde_mm512_loadu_si512(y);
}
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32(a) simulated_cvtps_epi32(a)

/// To the nearest integer: the only way the kernels round.
static inline simde__m512 simulated_round_ps(simde__m512 a) {
  float x[16];
  simde_mm512_storeu_ps(x, a);
  for (int l = 0; l < 16; ++l) x[l] = rintf(x[l]);
  return simde_mm512_loadu_ps(x);
}
#undef _mm512_roundscale_ps
#define _mm512_roundscale_ps(a, how) simulated_round_ps(a)

/// SIMDe multiplies by a power of two that may not be a float.
static inline simde__m512 simulated_scalef_ps(simde__m512 a, simde__m512 exponent) {
  float x[16], n[16];
  simde_mm512_storeu_ps(x, a);
  simde_mm512_storeu_ps(n, exponent);
  for (int l = 0; l < 16; ++l) x[l] = n[l] == n[l] ? ldexpf(x[l], (int)n[l]) : n[l];
  return simde_mm512_loadu_ps(x);
}
#undef _mm512_scalef_ps
#define _mm512_scalef_ps(a, exponent) simulated_scalef_ps(a, exponent)

static inline simde__m512 simulated_mask_max_ps(
  simde__m512 other, simde__mmask16 mask, simde__m512 a, simde__m512 b
) {
  float x[16], y[16];
  simde_mm512_storeu_ps(x, simulated_max_ps(a, b));
  simde_mm512_storeu_ps(y, other);
  for (int l = 0; l < 16; ++l) y[l] = mask >> l & 1 ? x[l] : y[l];
  return simde_mm512_loadu_ps(y);
}
#undef _mm512_mask_max_ps
#define _mm512_mask_max_ps(other, mask, a, b) simulated_mask_max_ps(other, mask, a, b)

static inline simde__m512 simulated_maskz_mov_ps(simde__mmask16 mask, simde__m512 a) {
  float x[16];
  simde_mm512_storeu_ps(x, a);
  for (int l = 0; l < 16; ++l) x[l] = mask >> l & 1 ? x[l] : 0.0f;
  return simde_mm512_loadu_ps(x);
}
#undef _mm512_maskz_mov_ps
#define _mm512_maskz_mov_ps(mask, a) simulated_maskz_mov_ps(mask, a)

/// The 128-bit quarters of the first two places from `a`, of the last two from `b`.
static inline simde__m512 simulated_shuffle_f32x4(simde__m512 a, simde__m512 b, int places) {
  float x[16], y[16], z[16];
  simde_mm512_storeu_ps(x, a);
  simde_mm512_storeu_ps(y, b);
  for (int q = 0; q < 4; ++q) {
    memcpy(z + 4 * q, (q < 2 ? x : y) + 4 * (places >> 2 * q & 3), 4 * sizeof *z);
  }
  return simde_mm512_loadu_ps(z);
}
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4(a, b, places) simulated_shuffle_f32x4(a, b, places)

/// Within each 128-bit quarter, two elements of `a`, then two of `b`.
static inline simde__m512 simulated_shuffle_ps(simde__m512 a, simde__m512 b, int places) {
  float x[16], y[16], z[16];
  simde_mm512_storeu_ps(x, a);
  simde_mm512_storeu_ps(y, b);
  for (int l = 0; l < 16; ++l) {
    z[l] = (l % 4 < 2 ? x : y)[l / 4 * 4 + (places >> 2 * (l % 4) & 3)];
  }
  return simde_mm512_loadu_ps(z);
}
#undef _mm512_shuffle_ps
#define _mm512_shuffle_ps(a, b, places) simulated_shuffle_ps(a, b, places)

static inline float simulated_cvtss_f32(simde__m512 a) {
  float x[16];
  simde_mm512_storeu_ps(x, a);
  return x[0];
}
#undef _mm512_cvtss_f32
#define _mm512_cvtss_f32(a) simulated_cvtss_f32(a)

static inline simde__m512 simulated_permutexvar_ps(simde__m512i places, simde__m512 a) {
  int32_t at[16];
  float x[16], y[16];
  simde_mm512_storeu_si512(at, places);
  simde_mm512_storeu_ps(x, a);
  for (int l = 0; l < 16; ++l) y[l] = x[at[l] & 15];
  return simde_mm512_loadu_ps(y);
}
#undef _mm512_permutexvar_ps
#define _mm512_permutexvar_ps(places, a) simulated_permutexvar_ps(places, a)

#endif
