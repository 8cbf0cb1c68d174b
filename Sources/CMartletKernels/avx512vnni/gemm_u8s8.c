#if defined(__x86_64__)

// Products of 8-bit activations and 8-bit weights by `vpdpbusd`, which multiplies four inputs of sixteen outputs
// and adds to 32 bits exactly. The loop over a tile:
//
//   for k in steps of 4, for panel g, for row i: sums[i][g] += a[i][k …] · w[g][k …]
//
// Eight rows × three panels fill 24 accumulators, as toolchain measurements advised (89 to 98 % of peak).

#include <string.h>

#include "../kernel_declarations.h"
#include "../kernel_math.h"
#include "../martlet_intrinsics.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

MARTLET_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

#include "avx512vnni_math.h"

enum {
  ROWS = 8,
  PANELS = 3,
  /// Bytes that a product of one row asks for ahead of where it reads.
  AHEAD = 2048,
};

/// The end of the panel at `output` for `count` rows from `first` on; the sums of a row are `stride` panels behind the last's.
MARTLET_INLINE void finish_panel(
  const martlet_gemm_u8s8_params *p, ptrdiff_t output, ptrdiff_t first, int count,
  const int32_t (*sums)[16], int stride
) {
  __mmask16 mask = martlet_avx512vnni_mask(p->n - output);
  __m512 bias = martlet_avx512vnni_bias(&p->epilogue, output, mask);
  __m512 scales = _mm512_loadu_ps(p->scales + output);
  __m512i offsets = _mm512_loadu_si512(p->offsets + output);
  for (int r = 0; r < count; ++r) {
    ptrdiff_t i = first + r;
    __m512i zero = _mm512_set1_epi32(p->row_zeros[i]);
    __m512i sum = _mm512_sub_epi32(
      _mm512_loadu_si512(sums[r * stride]), _mm512_mullo_epi32(zero, offsets));
    __m512 scale = _mm512_mul_ps(_mm512_set1_ps(p->row_scales[i]), scales);
    martlet_avx512vnni_finish(
      _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, bias), &p->epilogue, i, output, mask,
      p->destination + i * p->destination_stride);
  }
}

/// Exact sums of `count` rows with `panels` panels from `output` on, and their end.
MARTLET_INLINE void block(
  const martlet_gemm_u8s8_params *p, int count, int panels, ptrdiff_t first, ptrdiff_t output
) {
  ptrdiff_t steps = (p->k + 3) / 4;
  const uint8_t *a = p->rows + first * p->row_stride;
  const int8_t *w = p->codes + output * steps * 4;
  __m512i sums[ROWS * PANELS];
  MARTLET_UNROLL
  for (int i = 0; i < count * panels; ++i) sums[i] = _mm512_setzero_si512();
  for (ptrdiff_t s = 0; s < steps; ++s) {
    __m512i codes[PANELS];
    MARTLET_UNROLL
    for (int g = 0; g < panels; ++g) {
      codes[g] = _mm512_loadu_si512(w + (g * steps + s) * 64);
    }
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      int32_t four;
      memcpy(&four, a + i * p->row_stride + 4 * s, sizeof four);
      __m512i x = _mm512_set1_epi32(four);
      MARTLET_UNROLL
      for (int g = 0; g < panels; ++g) {
        sums[i * panels + g] = _mm512_dpbusd_epi32(sums[i * panels + g], x, codes[g]);
      }
    }
  }
  // A loop from here on must not index the registers: they go to memory once.
  int32_t stored[ROWS * PANELS][16];
  MARTLET_UNROLL
  for (int i = 0; i < count * panels; ++i) _mm512_storeu_si512(stored[i], sums[i]);
  for (int g = 0; g < panels; ++g) {
    finish_panel(
      p, output + 16 * g, first, count, (const int32_t (*)[16])(stored + g), panels);
  }
}

/// `rows` rows, at most eight, with three panels.
static void three_panels(
  const martlet_gemm_u8s8_params *p, ptrdiff_t rows, ptrdiff_t first, ptrdiff_t output
) {
  switch (rows) {
    case 1: block(p, 1, 3, first, output); break;
    case 2: block(p, 2, 3, first, output); break;
    case 3: block(p, 3, 3, first, output); break;
    case 4: block(p, 4, 3, first, output); break;
    case 5: block(p, 5, 3, first, output); break;
    case 6: block(p, 6, 3, first, output); break;
    case 7: block(p, 7, 3, first, output); break;
    default: block(p, 8, 3, first, output); break;
  }
}

/// `rows` rows, at most eight, with one panel.
static void one_panel(
  const martlet_gemm_u8s8_params *p, ptrdiff_t rows, ptrdiff_t first, ptrdiff_t output
) {
  switch (rows) {
    case 1: block(p, 1, 1, first, output); break;
    case 2: block(p, 2, 1, first, output); break;
    case 3: block(p, 3, 1, first, output); break;
    case 4: block(p, 4, 1, first, output); break;
    case 5: block(p, 5, 1, first, output); break;
    case 6: block(p, 6, 1, first, output); break;
    case 7: block(p, 7, 1, first, output); break;
    default: block(p, 8, 1, first, output); break;
  }
}

/// One row: panels in the order of memory, which is read once and asked for ahead.
static void row_product(const martlet_gemm_u8s8_params *p) {
  const int8_t *codes = p->codes;
  ptrdiff_t steps = (p->k + 3) / 4;
  for (ptrdiff_t o = 0; o < p->n; o += 16) {
    // Two chains of sums hide the latency.
    __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    ptrdiff_t s = 0;
    for (; s + 2 <= steps; s += 2, codes += 128) {
      MARTLET_UNROLL
      for (int h = 0; h < 2; ++h) {
        int32_t four;
        memcpy(&four, p->rows + 4 * (s + h), sizeof four);
        _mm_prefetch((const char *)codes + 64 * h + AHEAD, _MM_HINT_T0);
        sums[h] = _mm512_dpbusd_epi32(
          sums[h], _mm512_set1_epi32(four), _mm512_loadu_si512(codes + 64 * h));
      }
    }
    for (; s < steps; ++s, codes += 64) {
      int32_t four;
      memcpy(&four, p->rows + 4 * s, sizeof four);
      sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_set1_epi32(four), _mm512_loadu_si512(codes));
    }
    int32_t stored[1][16];
    _mm512_storeu_si512(stored[0], _mm512_add_epi32(sums[0], sums[1]));
    finish_panel(p, o, 0, 1, (const int32_t (*)[16])stored, 1);
  }
}

void martlet_gemm_u8s8_avx512vnni(const martlet_gemm_u8s8_params *p) {
  if (p->m == 1) {
    row_product(p);
    return;
  }
  ptrdiff_t output = 0;
  for (; p->n - output > 16 * (PANELS - 1); output += 16 * PANELS) {
    for (ptrdiff_t i = 0; i < p->m; i += ROWS) three_panels(p, p->m - i, i, output);
  }
  for (; output < p->n; output += 16) {
    for (ptrdiff_t i = 0; i < p->m; i += ROWS) one_panel(p, p->m - i, i, output);
  }
}

MARTLET_END_TARGET

#endif
