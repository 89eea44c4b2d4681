#!/usr/bin/env python3
"""Optimal row-wise l_p residuals min_u ||a - u V||_p by independent means: linear programming (HiGHS) at p = 1, damped
Newton steps in float64 elsewhere, until the duality gap is below 1e-9. Needs numpy and scipy.
usage: regression.py > tests/Core.Tests/Oracle/regressions.json   the reference values of the tests
"""
import json, sys
import numpy as np
from scipy.linalg import hadamard, null_space
from scipy.optimize import linprog

D = 16


def linear_programme(v, a):
    """min sum(s + t) subject to N^T (s - t) = N^T a, s, t >= 0, where N spans the complement of V's rows."""
    complement = null_space(v).T
    solved = linprog(np.ones(2 * len(a)), A_eq=np.hstack([complement, -complement]), b_eq=complement @ a, method="highs-ds",
                     options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
    assert solved.status == 0, solved.message
    return solved.fun


def newton(v, a, p):
    """||a - u V||_p within 1e-9 of its minimum, relatively, by the bound of the projected gradient."""
    norm = lambda x, e: (np.abs(x) ** e).sum() ** (1 / e)
    inverse = np.linalg.inv(v @ v.T)
    u = a @ v.T @ inverse
    best, gap = np.inf, 1.0
    for smoothing in np.geomspace(1e-1, 1e-16, 31):
        for _ in range(30):
            r = a - u @ v
            size = np.sqrt(r * r + (smoothing * np.abs(a).max()) ** 2)
            gradient = r * size ** (p - 2)
            step = np.linalg.solve((v * size ** (p - 2)) @ v.T, v @ gradient) / (p - 1)
            objective = lambda w: ((np.square(a - w @ v) + (smoothing * np.abs(a).max()) ** 2) ** (p / 2)).sum()
            t, before = 1.0, objective(u)
            while t > 1e-8 and objective(u + t * step) >= before:
                t /= 2
            if t <= 1e-8:
                break
            u = u + t * step
        r = a - u @ v
        if norm(r, p) <= 1e-12 * norm(a, p):
            return 0.0
        y = r * np.sqrt(r * r + (smoothing * np.abs(a).max()) ** 2) ** (p - 2)
        y = y - y @ v.T @ inverse @ v
        best = min(best, norm(r, p))
        gap = min(gap, 1 - (y @ r) / norm(y, p / (p - 1)) / best)
        if gap < 1e-9:
            return best
    raise ArithmeticError(f"p = {p}, k = {len(v)}: gap {gap:.1e} remains")


def optimum(v, a, p):
    if not a.any():
        return 0.0
    return linear_programme(v, a) if p == 1 else newton(v, a, p)


def row_sets(random, basis):
    """Multiples of 1/64, so that float32 and JSON hold them exactly."""
    grid = lambda x: np.round(np.clip(x, -1e4, 1e4) * 64) / 64
    gaussian = grid(random.standard_normal((6, D)))
    heavy = grid(random.standard_t(1.2, (8, D)))
    one_hot = np.zeros((2, D)); one_hot[0, 0] = 1; one_hot[1, 5] = -3
    twice = np.vstack([gaussian[0], gaussian[0], -2 * gaussian[0]])
    spiked = grid(4 * basis[0]) + 0; spiked[3] += 100
    return {"gaussian": gaussian, "heavy": heavy, "one-hot": one_hot, "duplicates": twice, "zero": np.zeros((1, D)),
            "constant": np.ones((1, D)), "spiked": spiked[None]}


def main():
    random = np.random.default_rng(5)
    turned = np.linalg.qr(random.standard_normal((D, D)))[0].astype(np.float32)
    bases = {"turned": turned, "hadamard": (hadamard(D) / 4).astype(np.float32)}
    cases, sets = [], {}
    for name, basis in bases.items():
        for kind, rows in row_sets(random, basis.astype(float)).items():
            sets[f"{name} {kind}"] = rows.ravel().tolist()
            for k in (1, 5, 11, D - 1):
                for p in (1.0, 1.2, 1.5):
                    v = basis[:k].astype(float)
                    cases.append({"basis": name, "rows": kind, "k": k, "p": p, "optima": [optimum(v, row, p) for row in rows]})
    json.dump({"d": D, "bases": {n: [float(x) for x in b.ravel()] for n, b in bases.items()}, "sets": sets, "cases": cases}, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
