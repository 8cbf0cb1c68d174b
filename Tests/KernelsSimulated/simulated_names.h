// Names for the second compilation of avx512vnni/, which must not clash with the first.

#ifndef SIMULATED_NAMES_H
#define SIMULATED_NAMES_H

#if defined(__x86_64__) && __has_include(<simde/x86/avx512.h>)
#define HAS_SIMDE

#define martlet_gemm_u8s8_avx512vnni martlet_gemm_u8s8_simulated
#define martlet_gemm_u8s4_avx512vnni martlet_gemm_u8s4_simulated
#define martlet_gemm_f32_avx512vnni martlet_gemm_f32_simulated
#define martlet_depthwise_f32_avx512vnni martlet_depthwise_f32_simulated
#define martlet_quantize_rows_dynamic_avx512vnni martlet_quantize_rows_dynamic_simulated
#define martlet_quantize_rows_fixed_avx512vnni martlet_quantize_rows_fixed_simulated
#define martlet_softmax_rows_avx512vnni martlet_softmax_rows_simulated
#define martlet_probe_int8_avx512vnni martlet_probe_int8_simulated
#define martlet_probe_f32_avx512vnni martlet_probe_f32_simulated
#define martlet_kernels_avx512vnni martlet_kernels_simulated_table

#include "simulated_intrinsics.h"
#endif

#endif
