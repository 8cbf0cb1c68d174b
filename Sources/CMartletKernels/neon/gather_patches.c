#if defined(__aarch64__)

#include "../gather_patches.h"

void martlet_gather_patches_f32_neon(const martlet_gather_patches_f32_params *p) { gather_patches(p); }

#endif
