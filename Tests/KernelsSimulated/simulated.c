#include "kernels_simulated.h"

#include "simulated_names.h"

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
