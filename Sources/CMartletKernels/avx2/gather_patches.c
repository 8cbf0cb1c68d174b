#if defined(__x86_64__)

#include "../kernel_declarations.h"
#include "../martlet_intrinsics.h"

#include <string.h>

MARTLET_BEGIN_TARGET("avx2,fma,f16c")

#include "../gather_patches.h"

void martlet_gather_patches_f32_avx2(const martlet_gather_patches_f32_params *p) { gather_patches(p); }

MARTLET_END_TARGET

#endif
