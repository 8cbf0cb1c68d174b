#include "simulated_names.h"
#if defined(HAS_SIMDE)
#include "../../Sources/CMartletKernels/avx512vnni/gemm_u8s8.c"
#endif
