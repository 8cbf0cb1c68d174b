#if defined(__aarch64__)

#include "../kernel_declarations.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

// The table of NEON with dot products, then what this ISA has of its own.
const martlet_kernels martlet_kernels_neon_i8mm = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_neon,
#include "kernels.def"
#undef MARTLET_KERNEL
  .gemm_u8s8 = martlet_gemm_u8s8_neon_i8mm,
  .gemm_u8s4 = martlet_gemm_u8s4_neon_dotprod,
  .probe_int8 = martlet_probe_int8_neon_i8mm,
};

#endif
