#if defined(__x86_64__)

#include "../kernel_declarations.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

// The AVX2 table, then what this ISA has of its own.
const martlet_kernels martlet_kernels_avxvnni = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_avx2,
#include "kernels.def"
#undef MARTLET_KERNEL
  .gemm_u8s8 = martlet_gemm_u8s8_avxvnni,
  .gemm_u8s4 = martlet_gemm_u8s4_avxvnni,
  .probe_int8 = martlet_probe_int8_avxvnni,
};

#endif
