// Stands in for martlet_intrinsics.h: the AVX-512 intrinsics that the kernels use, over SIMDe, with no
// instruction set turned on. It takes the other header's guard, so that the kernels' own include is empty.
//
// Fused multiply-adds are made here from `fmaf`: SIMDe rounds twice where the machine has none.

#ifndef MARTLET_INTRINSICS_H
#define MARTLET_INTRINSICS_H

// The compiler's own types must be there before SIMDe looks for them.
#include <immintrin.h>
#include <math.h>
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

#endif
