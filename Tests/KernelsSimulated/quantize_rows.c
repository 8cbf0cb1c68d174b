#include "simulated_names.h"
#if defined(HAS_SIMDE)
#include "../../Sources/CMartletKernels/avx512vnni/quantize_rows.c"
#endif
