"""Fit the polynomials of Sources/CMartletKernels/kernel_math.h and print them with their errors.

gelu(x) = max(0, x) - d(|x|),  d(a) = a/2 erfc(a / sqrt 2) ~ (a/2) q(a)^4,  q(a) = (8 - a) g(a) on 0 <= a <= 8, and
g a polynomial with g(0) = 1/8. The coefficients are a minimax fit of d itself, so that the absolute error of gelu is
what is made small. The factor 8 - a makes the end exact: from 8 on, gelu(x) is max(0, x). The fourth power lets
a polynomial follow the tail; there is no division, which would cost as much as all of the rest.

exp(r) = 1 + r + r^2 q(r) on |r| <= ln 2 / 2, minimax in relative error.

Both fits are iteratively reweighted least squares (Lawson) in f64, rounded to f32 in the end and checked
in f32 with the order of operations of the kernels (numpy has no fused multiply-add; it is made from f64).
Needs numpy only. Run: python3 Tools/oracle/fit_erf.py
"""

from math import erfc, log, sqrt

import numpy as np

POINTS = 6000


def nodes(low, high):
    """Chebyshev nodes, which crowd at the ends as minimax errors do."""
    k = np.arange(POINTS)
    return low + (high - low) * 0.5 * (1 - np.cos(np.pi * (k + 0.5) / POINTS))


END = 8.0


def fit_gelu(degree=8, power=4, rounds=400):
    a = nodes(0.0, END)
    tail = np.array([erfc(v / sqrt(2)) for v in a])
    target = 0.5 * a * tail
    base = (END - a) / END
    powers = (END - a)[:, None] * np.vander(a, degree + 1, increasing=True)[:, 1:]
    # First guess: q = tail^(1/power), weighted by how much d moves when q does.
    root = tail ** (1 / power)
    weight = power * 0.5 * a * root ** (power - 1) + 1e-9
    c, *_ = np.linalg.lstsq(powers * weight[:, None], (root - base) * weight, rcond=None)
    lawson = np.full(POINTS, 1.0 / POINTS)
    best = (np.inf, c)
    for _ in range(rounds):
        q = base + powers @ c
        residual = 0.5 * a * q**power - target
        worst = np.abs(residual).max()
        if worst < best[0]:
            best = (worst, c.copy())
        lawson = lawson * (np.abs(residual) / worst + 1e-6) ** 0.5
        lawson /= lawson.sum()
        slope = (power * 0.5 * a * q ** (power - 1))[:, None] * powers
        s = np.sqrt(lawson)
        step, *_ = np.linalg.lstsq(slope * s[:, None], -residual * s, rcond=None)
        c = c + 0.7 * step
    return best


def fit_exp(degree=4, rounds=300):
    """q of the given degree, so that 1 + r + r^2 q(r) has the least worst relative error."""
    half = log(2) / 2
    r = nodes(-half * 1.0001, half * 1.0001)
    powers = np.vander(r, degree + 1, increasing=True) * (r * r * np.exp(-r))[:, None]
    target = (np.exp(r) - 1 - r) * np.exp(-r)
    lawson = np.full(POINTS, 1.0 / POINTS)
    best = (np.inf, None)
    for _ in range(rounds):
        s = np.sqrt(lawson)
        c, *_ = np.linalg.lstsq(powers * s[:, None], target * s, rcond=None)
        residual = powers @ c - target
        worst = np.abs(residual).max()
        if worst < best[0]:
            best = (worst, c.copy())
        lawson = lawson * (np.abs(residual) / worst + 1e-9)
        lawson /= lawson.sum()
    return best


def fma(a, b, c):
    # The product of two f32 is exact in f64; the sum rounds twice, which errs by far less than an ulp of f32.
    return (a.astype(np.float64) * np.float64(b) + np.float64(c)).astype(np.float32)


def gelu_f32(x, c):
    a = np.minimum(np.float32(END), np.abs(x))
    g = np.full_like(a, np.float32(c[-1]))
    for v in [*c[-2::-1], 1 / END]:
        g = (g.astype(np.float64) * a + np.float64(np.float32(v))).astype(np.float32)
    q = (np.float32(END) - a) * g
    q = q * q
    q = q * q
    return np.maximum(np.float32(0), x) - (np.float32(0.5) * a) * q


def literal(value):
    """A C float literal, exact."""
    mantissa, exponent = float(np.float32(value)).hex().split("p")
    return f"{mantissa.rstrip('0')}p{exponent}f"


def print_coefficients(prefix, values, first):
    for i, v in enumerate(values, start=first):
        print(f"#define {prefix}{i} {literal(v)}  // {np.float32(v):.9g}")


def main():
    worst, c = fit_gelu()
    print(f"// gelu: worst absolute error of the fit {worst:.3g}")
    print_coefficients("MARTLET_GELU_C", c, 1)
    x = np.linspace(-20, 20, 2_000_001).astype(np.float32)
    exact = np.array([0.5 * v * erfc(-v / sqrt(2)) for v in x.astype(np.float64)])
    error = np.abs(gelu_f32(x, c) - exact)
    inner = np.abs(x) < 1
    print(f"// in f32: {error[inner].max():.3g} for |x| < 1, "
          f"{(error / np.maximum(1, np.abs(x))).max():.3g} relative to max(1, |x|)")
    worst, c = fit_exp()
    print(f"// exp: worst relative error of the fit {worst:.3g}")
    print_coefficients("MARTLET_EXP_C", c, 2)
    high = np.float32(int(log(2) * 2**15) / 2**15)
    print(f"#define MARTLET_LOG2_E {literal(1 / log(2))}")
    print(f"#define MARTLET_LN2_HIGH {literal(high)}")
    print(f"#define MARTLET_LN2_LOW {literal(log(2) - float(high))}")


if __name__ == "__main__":
    main()
