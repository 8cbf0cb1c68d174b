#include "../kernel_declarations.h"

const martlet_kernels martlet_kernels_scalar = {
#define MARTLET_KERNEL(name, params) .name = martlet_##name##_scalar,
#include "kernels.def"
#undef MARTLET_KERNEL
};
