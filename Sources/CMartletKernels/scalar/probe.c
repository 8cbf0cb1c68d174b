// Peak rates of plain C: a lower bound only, since the compiler chooses the instructions.

#include "../kernel_declarations.h"
#include "scalar_math.h"

void martlet_probe_int8_scalar(const martlet_probe_params *p) {
  int32_t sums[4] = {1, 2, 3, 4};
  for (ptrdiff_t i = 0; i < p->iterations; ++i) {
    // The value must not be foreseen, or the loop would fold.
    volatile int32_t opaque = 3;
    int32_t factor = opaque;
    for (int l = 0; l < 4; ++l) sums[l] = (sums[l] * factor + l) & 0xFFFF;
  }
  volatile int32_t sink = sums[0] + sums[1] + sums[2] + sums[3];
  (void)sink;
  *p->multiply_adds = (uint64_t)p->iterations * 4;
}

void martlet_probe_f32_scalar(const martlet_probe_params *p) {
  float sums[4] = {1, 2, 3, 4};
  for (ptrdiff_t i = 0; i < p->iterations; ++i) {
    for (int l = 0; l < 4; ++l) sums[l] = fmaf(sums[l], 0.5f, (float)l);
  }
  volatile float sink = sums[0] + sums[1] + sums[2] + sums[3];
  (void)sink;
  *p->multiply_adds = (uint64_t)p->iterations * 4;
}
