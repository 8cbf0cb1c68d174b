// Which instruction sets there are, which this machine has, and the table of each.

#include <string.h>

#include "kernel_declarations.h"

static const char *const names[MARTLET_ISA_COUNT] = {
  [MARTLET_ISA_SCALAR] = "scalar",
  [MARTLET_ISA_AVX2] = "avx2",
  [MARTLET_ISA_AVXVNNI] = "avxvnni",
  [MARTLET_ISA_AVX512VNNI] = "avx512vnni",
};

bool martlet_isa_available(martlet_isa isa) {
  switch (isa) {
    case MARTLET_ISA_SCALAR:
      return true;
#if defined(__x86_64__)
    case MARTLET_ISA_AVX2:
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
    case MARTLET_ISA_AVXVNNI:
      __builtin_cpu_init();
      return martlet_isa_available(MARTLET_ISA_AVX2) && __builtin_cpu_supports("avxvnni");
    case MARTLET_ISA_AVX512VNNI:
      __builtin_cpu_init();
      return martlet_isa_available(MARTLET_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
#endif
    default:
      return false;
  }
}

martlet_isa martlet_isa_best(void) {
  for (int isa = MARTLET_ISA_COUNT - 1; isa > 0; --isa) {
    if (martlet_isa_available((martlet_isa)isa)) return (martlet_isa)isa;
  }
  return MARTLET_ISA_SCALAR;
}

const char *martlet_isa_name(martlet_isa isa) {
  return (unsigned)isa < MARTLET_ISA_COUNT ? names[isa] : "unknown";
}

bool martlet_isa_named(const char *name, martlet_isa *isa) {
  for (int i = 0; i < MARTLET_ISA_COUNT; ++i) {
    if (strcmp(name, names[i]) == 0) {
      *isa = (martlet_isa)i;
      return true;
    }
  }
  return false;
}

const martlet_kernels *martlet_kernels_for(martlet_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case MARTLET_ISA_AVX2:
      return &martlet_kernels_avx2;
    case MARTLET_ISA_AVXVNNI:
      return &martlet_kernels_avxvnni;
    case MARTLET_ISA_AVX512VNNI:
      return &martlet_kernels_avx512vnni;
#endif
    default:
      return &martlet_kernels_scalar;
  }
}
