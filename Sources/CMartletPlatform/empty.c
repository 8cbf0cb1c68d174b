#include "martlet_platform.h"
typedef int martlet_platform_empty;
