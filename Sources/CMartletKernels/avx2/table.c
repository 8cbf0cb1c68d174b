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
  .quantize_rows_dynamic = martlet_quantize_rows_dynamic_avx2,
  .quantize_rows_fixed = martlet_quantize_rows_fixed_avx2,
  .u8_to_f32 = martlet_u8_to_f32_avx2,
  .dequantize_row_s8 = martlet_dequantize_row_s8_avx2,
  .dequantize_row_s4 = martlet_dequantize_row_s4_avx2,
  .gelu = martlet_gelu_avx2,
  .relu = martlet_relu_avx2,
  .sigmoid = martlet_sigmoid_avx2,
  .silu_gate = martlet_silu_gate_avx2,
  .add = martlet_add_avx2,
  .scale_columns = martlet_scale_columns_avx2,
  .sum_columns = martlet_sum_columns_avx2,
  .layer_norm_rows = martlet_layer_norm_rows_avx2,
  .rms_norm_rows = martlet_rms_norm_rows_avx2,
  .softmax_rows = martlet_softmax_rows_avx2,
  .depthwise_f32 = martlet_depthwise_f32_avx2,
  .gather_patches_f32 = martlet_gather_patches_f32_avx2,
  .rotate = martlet_rotate_avx2,
  .pack_keys = martlet_pack_keys_avx2,
  .pack_values = martlet_pack_values_avx2,
  .probe_int8 = martlet_probe_int8_avx2,
  .probe_f32 = martlet_probe_f32_avx2,
};

#endif
