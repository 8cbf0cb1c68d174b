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

// gelu(x) = max(0, x) − (a / 2) q⁴ with a = min(|x|, 8), q = (8 − a)(C0 + C1 a + … + C8 a⁸); absolute error of the
// fit 1.2e-7, in f32 2.2e-7 · max(1, |x|), held below 4e-7 by the tests. No division: it cost as much as the rest.
#define MARTLET_GELU_C0 0x1p-3f
#define MARTLET_GELU_C1 -0x1.30fb7cp-7f   // -0.00930732302
#define MARTLET_GELU_C2 -0x1.1b01f2p-7f   // -0.00863670651
#define MARTLET_GELU_C3 -0x1.75796ep-12f  // -0.000356172881
#define MARTLET_GELU_C4 0x1.f0e79p-12f    // 0.000473885098
#define MARTLET_GELU_C5 0x1.7b543ep-14f   // 9.04390981e-05
#define MARTLET_GELU_C6 -0x1.ae0658p-15f  // -5.12629485e-05
#define MARTLET_GELU_C7 0x1.c6583p-18f    // 6.77026037e-06
#define MARTLET_GELU_C8 -0x1.3d4712p-22f  // -2.95487808e-07
#define MARTLET_GELU_MAX 8.0f

#endif
