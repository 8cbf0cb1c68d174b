#include "avxvnni_names.h"
#include "../../Sources/CMartletKernels/avxvnni/probe.c"
