#include "avxvnni_names.h"
#include "../../Sources/CMartletKernels/avxvnni/gemm_u8s4.c"
