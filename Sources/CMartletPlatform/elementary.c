#include <math.h>

#include "martlet_platform.h"

double martlet_cosine(double x) { return cos(x); }
double martlet_sine(double x) { return sin(x); }
double martlet_power(double base, double exponent) { return pow(base, exponent); }
