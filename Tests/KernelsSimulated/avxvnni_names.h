// Names and the one intrinsic for the second compilation of avxvnni/, which runs on any machine with AVX2.

#ifndef AVXVNNI_NAMES_H
#define AVXVNNI_NAMES_H

#if defined(__x86_64__)

#define martlet_gemm_u8s8_avxvnni martlet_gemm_u8s8_avxvnni_simulated
#define martlet_gemm_u8s4_avxvnni martlet_gemm_u8s4_avxvnni_simulated
#define martlet_probe_int8_avxvnni martlet_probe_int8_avxvnni_simulated
#define martlet_kernels_avxvnni martlet_kernels_avxvnni_simulated_table

#include <stdint.h>

#include "../../Sources/CMartletKernels/martlet_intrinsics.h"

// The compiler must find no use for the instruction by itself.
#undef MARTLET_BEGIN_TARGET
#if defined(__clang__)
#define MARTLET_BEGIN_TARGET(features) \
  MARTLET_PRAGMA(clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function))
#else
#define MARTLET_BEGIN_TARGET(features) \
  _Pragma("GCC push_options") MARTLET_PRAGMA(GCC target("avx2,fma,f16c"))
#endif

MARTLET_BEGIN_TARGET(none)

/// What Intel's manual says of `vpdpbusd`, lane by lane.
static inline __m256i simulated_dpbusd(__m256i sums, __m256i a, __m256i w) {
  int32_t lanes[8];
  uint8_t x[32];
  int8_t y[32];
  _mm256_storeu_si256((__m256i *)lanes, sums);
  _mm256_storeu_si256((__m256i *)x, a);
  _mm256_storeu_si256((__m256i *)y, w);
  for (int l = 0; l < 8; ++l) {
    for (int j = 0; j < 4; ++j) lanes[l] += (int32_t)x[4 * l + j] * y[4 * l + j];
  }
  return _mm256_loadu_si256((const __m256i *)lanes);
}

MARTLET_END_TARGET

#define _mm256_dpbusd_avx_epi32(sums, a, w) simulated_dpbusd(sums, a, w)

#endif

#endif
