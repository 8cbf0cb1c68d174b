#if defined(__x86_64__)

// Products of float rows and float panels. The loop over a tile:
//
//   for k, for panel g, for row i: y[i][g] = fma(a[i][k], w[g][k], y[i][g])
//
// Eight rows × three panels of sixteen outputs fill 24 accumulators.

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
};

/// `count` rows with `panels` panels from `output` on.
MARTLET_INLINE void block(
  const martlet_gemm_f32_params *p, int count, int panels, ptrdiff_t first, ptrdiff_t output
) {
  const float *a = p->rows + first * p->row_stride;
  const float *w = p->panels + output / 16 * p->panel_stride;
  __m512 y[ROWS * PANELS];
  MARTLET_UNROLL
  for (int i = 0; i < count * panels; ++i) {
    ptrdiff_t at = output + 16 * (i % panels);
    y[i] = martlet_avx512vnni_bias(&p->epilogue, at, martlet_avx512vnni_mask(p->n - at));
  }
  for (ptrdiff_t k = 0; k < p->k; ++k) {
    __m512 weights[PANELS];
    MARTLET_UNROLL
    for (int g = 0; g < panels; ++g) {
      weights[g] = _mm512_loadu_ps(w + g * p->panel_stride + 16 * k);
    }
    MARTLET_UNROLL
    for (int i = 0; i < count; ++i) {
      __m512 x = _mm512_set1_ps(a[i * p->row_stride + k]);
      MARTLET_UNROLL
      for (int g = 0; g < panels; ++g) {
        y[i * panels + g] = _mm512_fmadd_ps(x, weights[g], y[i * panels + g]);
      }
    }
  }
  const martlet_epilogue *e = &p->epilogue;
  if (e->activation == MARTLET_ACTIVATION_NONE && !e->residual && p->n - output >= 16 * panels) {
    // Attention's products, which are short: straight from the registers.
    float *to = p->destination + first * p->destination_stride + output;
    MARTLET_UNROLL
    for (int i = 0; i < count * panels; ++i) {
      _mm512_storeu_ps(to + i / panels * p->destination_stride + 16 * (i % panels), y[i]);
    }
    return;
  }
  // A loop from here on must not index the registers: they go to memory once.
  float stored[ROWS * PANELS][16];
  MARTLET_UNROLL
  for (int i = 0; i < count * panels; ++i) _mm512_storeu_ps(stored[i], y[i]);
  for (int g = 0; g < panels; ++g) {
    ptrdiff_t at = output + 16 * g;
    __mmask16 mask = martlet_avx512vnni_mask(p->n - at);
    for (int r = 0; r < count; ++r) {
      ptrdiff_t i = first + r;
      martlet_avx512vnni_finish(
        _mm512_loadu_ps(stored[r * panels + g]), &p->epilogue, i, at, mask,
        p->destination + i * p->destination_stride);
    }
  }
}

/// `rows` rows, at most eight, with three panels.
static void three_panels(
  const martlet_gemm_f32_params *p, ptrdiff_t rows, ptrdiff_t first, ptrdiff_t output
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
  const martlet_gemm_f32_params *p, ptrdiff_t rows, ptrdiff_t first, ptrdiff_t output
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

void martlet_gemm_f32_avx512vnni(const martlet_gemm_f32_params *p) {
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
