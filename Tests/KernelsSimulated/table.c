// The AVX-512 table itself, with the simulated kernels under their other names. What it inherits is AVX2's and
// runs natively.
#include "simulated_names.h"
#if defined(HAS_SIMDE)
#include "../../Sources/CMartletKernels/avx512vnni/table.c"
#endif
