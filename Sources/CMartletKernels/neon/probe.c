#if defined(__aarch64__)

// Peak rates: the inner instructions of the products, on registers.

#include "../kernel_declarations.h"
#include "../martlet_intrinsics.h"

/// Sixteen times per round: `smull`, `sadalp`; 8 multiply-adds each.
void martlet_probe_int8_neon(const martlet_probe_params *p) {
  int32x4_t sums[16];
  for (int i = 0; i < 16; ++i) sums[i] = vdupq_n_s32(i);
  int8x8_t a = vdup_n_s8(3);
  int8x8_t b = vdup_n_s8(5);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 16; ++i) {
      // Without this the compiler would take the equal products out of the loop.
      __asm__ volatile("" : "+w"(a));
      sums[i] = vpadalq_s16(sums[i], vmull_s8(a, b));
    }
  }
  MARTLET_UNROLL
  for (int i = 0; i < 16; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 16 * 8;
}

/// Twenty-four times per round: `fmla`; 4 multiply-adds each.
void martlet_probe_f32_neon(const martlet_probe_params *p) {
  float32x4_t sums[24];
  for (int i = 0; i < 24; ++i) sums[i] = vdupq_n_f32((float)i);
  float32x4_t a = vdupq_n_f32(0.5f);
  float32x4_t b = vdupq_n_f32(1.0f);
  for (ptrdiff_t t = 0; t < p->iterations; ++t) {
    MARTLET_UNROLL
    for (int i = 0; i < 24; ++i) sums[i] = vfmaq_f32(sums[i], a, b);
  }
  MARTLET_UNROLL
  for (int i = 0; i < 24; ++i) MARTLET_KEEP(sums[i]);
  *p->multiply_adds = (uint64_t)p->iterations * 24 * 4;
}

#endif
