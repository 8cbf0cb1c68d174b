// The AVX-VNNI table itself, with the simulated kernels under their other names.
#include "avxvnni_names.h"
#include "../../Sources/CMartletKernels/avxvnni/table.c"
