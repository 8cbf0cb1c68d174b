#if defined(__x86_64__)

#include "../kernel_declarations.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

// The AVX2 table, then what this ISA has of its own.
const martlet_kernels martlet_kernels_avx512vnni = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_scalar,
#include "kernels.def"
#undef MARTLET_KERNEL
};

#endif
