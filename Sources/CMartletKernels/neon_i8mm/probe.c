#if defined(__aarch64__)

// Peak rate: the inner instruction of the products, on registers.

#include "../kernel_declarations.h"
#include "../martlet_intrinsics.h"

MARTLET_BEGIN_TARGET("arch=armv8.2-a+dotprod+i8mm")

/// Twenty-four times per round: `smmla`; 32 multiply-adds each.
void martlet_probe_int8_neon_i8mm(const martlet_probe_params *p) {
  int32x4_t sums[24];
  for (int i = 0; i < 24; ++i) sums[i] = vdupq_n_s32(i);
  int8x16_t a = vdupq_n_s8(3);
  int8x16_t b = vdupq_n_s8(5);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 24; ++i) sums[i] = vmmlaq_s32(sums[i], a, b);
  }
  MARTLET_UNROLL
  for (int i = 0; i < 24; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 24 * 32;
}

MARTLET_END_TARGET

#endif
