#if defined(__aarch64__)

#include "../kernel_declarations.h"

// Every kernel has its own version here.
const martlet_kernels martlet_kernels_neon = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_neon,
#include "kernels.def"
#undef MARTLET_KERNEL
};

#endif
