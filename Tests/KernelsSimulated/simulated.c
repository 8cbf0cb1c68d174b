#include "kernels_simulated.h"

#include "simulated_names.h"

static const char *const names[] = {
#define MARTLET_KERNEL(name, params) #name,
#include "kernels.def"
#undef MARTLET_KERNEL
};

ptrdiff_t martlet_kernel_count(void) { return (ptrdiff_t)(sizeof names / sizeof *names); }

const char *martlet_kernel_name(ptrdiff_t index) { return names[index]; }

#if defined(__x86_64__)

extern const martlet_kernels martlet_kernels_avxvnni_simulated_table;

const martlet_kernels *martlet_kernels_avxvnni_simulated(void) {
  return martlet_isa_available(MARTLET_ISA_AVX2) ? &martlet_kernels_avxvnni_simulated_table : NULL;
}

#else

const martlet_kernels *martlet_kernels_avxvnni_simulated(void) { return NULL; }

#endif

#if defined(HAS_SIMDE)

extern const martlet_kernels martlet_kernels_simulated_table;

const martlet_kernels *martlet_kernels_simulated(void) { return &martlet_kernels_simulated_table; }

#else

const martlet_kernels *martlet_kernels_simulated(void) { return NULL; }

#endif
