"""Fit the polynomials of Sources/Reference/Exponentials.swift and print them with their errors.

erfc(t) = 2^-P(t) on 0..4, P(t) = t Q(t): fitted so that the absolute error of erf is what is made small.
2^f on |f| <= 1/2, minimax in relative error, exact at 0.

Iteratively reweighted least squares (Lawson) in f64 on Chebyshev nodes, rounded to f32 and evaluated there.
Needs numpy only. Run: python3 Tools/oracle/fit_exponentials.py
"""

from math import erf, erfc, log, log2

import numpy as np


def minimax(columns, target, weight):
    emphasis = np.ones_like(target)
    for _ in range(200):
        scale = weight * emphasis
        c = np.linalg.lstsq(columns * scale[:, None], target * scale, rcond=None)[0]
        error = np.abs((columns @ c - target) * weight)
        emphasis *= (error / error.max() + 1e-3) ** 0.2
        emphasis /= emphasis.max()
    return c, error.max()


def horner(coefficients, x):
    total = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = (total * x).astype(np.float32) + c
    return total


def fit_erfc(degree=8, end=4.0):
    t = np.clip(end / 2 * (1 + np.cos(np.linspace(0, np.pi, 4001))), 1e-9, end)
    p = np.array([-log2(erfc(v)) for v in t])
    weight = np.array([erfc(v) for v in t]) * log(2) * t + 1e-9
    c, error = minimax(np.vander(t, degree + 1, increasing=True), p / t, weight)
    c = c.astype(np.float32)
    x = np.linspace(0, end, 200001).astype(np.float32)
    found = 1 - np.exp2(-(horner(c, x) * x).astype(np.float64))
    exact = np.array([erf(float(v)) for v in x])
    print("erf: Q", [float(v) for v in c], "fit", error, "in f32", np.abs(found - exact).max())


def fit_power(degree=6):
    f = 0.5 * np.cos(np.linspace(0, np.pi, 2001))
    columns = np.vander(f, degree + 1, increasing=True)[:, 1:]
    c, error = minimax(columns, np.exp2(f) - 1, 1 / np.exp2(f))
    print("2^f: 1,", [float(np.float32(v)) for v in c], "fit", error)


fit_erfc()
fit_power()
