#if defined(__x86_64__)

#include "../kernel_declarations.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

// The AVX2 table, then what this ISA has of its own.
const martlet_kernels martlet_kernels_avx512vnni = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_avx2,
#include "kernels.def"
#undef MARTLET_KERNEL
  .gemm_u8s8 = martlet_gemm_u8s8_avx512vnni,
  .gemm_u8s4 = martlet_gemm_u8s4_avx512vnni,
  .gemm_f32 = martlet_gemm_f32_avx512vnni,
  .quantize_rows_dynamic = martlet_quantize_rows_dynamic_avx512vnni,
  .quantize_rows_fixed = martlet_quantize_rows_fixed_avx512vnni,
  .softmax_rows = martlet_softmax_rows_avx512vnni,
  .depthwise_f32 = martlet_depthwise_f32_avx512vnni,
  .probe_int8 = martlet_probe_int8_avx512vnni,
  .probe_f32 = martlet_probe_f32_avx512vnni,
};

#endif
