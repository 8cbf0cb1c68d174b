#include "martlet_kernels.h"
typedef int martlet_kernels_empty;
