#if defined(__x86_64__)

#include "../kernel_declarations.h"

// Every kernel has its own version here.
const martlet_kernels martlet_kernels_avx2 = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_avx2,
#include "kernels.def"
#undef MARTLET_KERNEL
};

#endif
