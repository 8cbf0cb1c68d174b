// What the kernel tests need from C: a table of the AVX-512 kernels compiled over SIMDe, so that they are tested on machines without AVX-512; likewise AVX-VNNI.

#ifndef KERNELS_SIMULATED_H
#define KERNELS_SIMULATED_H

#include "martlet_kernels.h"

/// The scalar table with every AVX-512 kernel in place, simulated; NULL where SIMDe (libsimde-dev) was missing
/// when this was compiled.
const martlet_kernels *_Nullable martlet_kernels_simulated(void);

/// The AVX-VNNI table, its one instruction simulated; NULL on machines without AVX2.
const martlet_kernels *_Nullable martlet_kernels_avxvnni_simulated(void);

#endif
