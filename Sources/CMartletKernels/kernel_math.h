// The constants of exp and gelu, shared by every ISA so that all round alike. Made and checked by
// Tools/oracle/fit_erf.py; the order of operations is defined by scalar/scalar_math.h.

#ifndef MARTLET_KERNEL_MATH_H
#define MARTLET_KERNEL_MATH_H

// exp(r) = 1 + r + r² (C2 + C3 r + … + C6 r⁴) on |r| ≤ ln 2 / 2; relative error of the fit 3.1e-9.
#define MARTLET_EXP_C2 0x1.fffffcp-2f   // 0.49999994
#define MARTLET_EXP_C3 0x1.555492p-3f   // 0.166665211
#define MARTLET_EXP_C4 0x1.5558f2p-5f   // 0.0416683890
#define MARTLET_EXP_C5 0x1.1239e2p-7f   // 0.00836871658
#define MARTLET_EXP_C6 0x1.6a2434p-10f  // 0.00138145988
#define MARTLET_LOG2_E 0x1.715476p+0f
// ln 2 = HIGH + LOW; HIGH has 15 bits, so that its product with the exponent is exact.
#define MARTLET_LN2_HIGH 0x1.62e4p-1f
#define MARTLET_LN2_LOW 0x1.7f7d1cp-20f
// Above MAX the result is infinite, below MIN it is 0.
#define MARTLET_EXP_MAX 89.0f
#define MARTLET_EXP_MIN -105.0f

// gelu(x) = max(0, x) − (a / 2) / g(a)¹⁶ with a = min(|x|, 16), g = 1 + C1 a + … + C7 a⁷; absolute error
// of the fit 4.9e-8, in f32 below 4e-7.
#define MARTLET_GELU_C1 0x1.988714p-5f    // 0.0498690978
#define MARTLET_GELU_C2 0x1.5a2738p-6f    // 0.0211275145
#define MARTLET_GELU_C3 0x1.b247fap-9f    // 0.00331330229
#define MARTLET_GELU_C4 -0x1.599f8ep-18f  // -5.15018792e-06
#define MARTLET_GELU_C5 0x1.39ad56p-14f   // 7.47864484e-05
#define MARTLET_GELU_C6 -0x1.164fb4p-19f  // -2.07358106e-06
#define MARTLET_GELU_C7 0x1.b69192p-21f   // 8.16897742e-07
#define MARTLET_GELU_MAX 16.0f

#endif
