#if defined(__x86_64__)

#include "../kernel_declarations.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

// The scalar table, then what this ISA has of its own.
const martlet_kernels martlet_kernels_avx2 = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_scalar,
#include "kernels.def"
#undef MARTLET_KERNEL
  .gemm_u8s8 = martlet_gemm_u8s8_avx2,
  .gemm_u8s4 = martlet_gemm_u8s4_avx2,
  .gemm_f32 = martlet_gemm_f32_avx2,
};

#endif
