#include "simulated_names.h"
#if defined(HAS_SIMDE)
#include "../../Sources/CMartletKernels/avx512vnni/softmax_rows.c"
#endif
