"""Weights that are not negative and add up to one: the best fit, certified, and how far a sum may move among near-equal fits.

Both are convex problems. An active-set solver (non-negative least squares) is tried first, as it is many times faster with many
donors; what it does not bring to a certified optimum goes to CLARABEL. The certificate trusts neither: for a convex function on the
simplex, ``gradient . w - min(gradient)`` bounds how far ``w`` lies above the best there is (Frank and Wolfe, 1956).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.errors import MendableError

Array = np.ndarray[Any, np.dtype[np.float64]]

# How far above the optimum a fit may lie: as a share of its own sum of squares, and of that of the target.
_GAP = 1e-5
_GAP_OF_TARGET = 1e-9
# A residual of at most this share of the target means that the target lies in the hull of the donors.
_IN_HULL = 1e-6


class UncertifiedError(MendableError, ValueError):
    """The solver gave no weights whose optimum could be certified."""


def best_weights(donors: Array, target: Array) -> Array:
    """The weights that minimise the sum of squares of ``target - donors @ weights``.

    :param donors: a row per period (or predictor), a column per donor.
    :raises UncertifiedError: when the optimum can't be certified.
    """
    matrix, aim, _ = _centred(donors, target)
    above = np.inf
    for solve in (_by_active_set, _by_squares, _by_residuals):
        found = solve(matrix, aim)
        if found is None:
            continue
        weights = _cleaned(found)
        above = min(above, _above_best(matrix, aim, weights))
        if above <= 0:
            return weights
    raise UncertifiedError(
        f"No certified optimum: the sum of squares may lie {above:.3g} more than is allowed above the best there is. "
        "Look for units of very different size among the donors."
    )


def _by_active_set(matrix: Array, aim: Array) -> Array | None:
    """The point of the donors' hull nearest to the target, as non-negative least squares with one row more (Lawson and Hanson, 1974).

    Scaled to a sum of one its solution is that of the simplex, exactly. None where the target lies in the hull: then many weights are
    as good, and this would give a corner of them.
    """
    from scipy.optimize import nnls

    around = matrix - aim[:, None]
    try:
        found, _ = nnls(np.vstack([around, np.ones(matrix.shape[1])]), np.append(np.zeros(len(aim)), 1.0))
    except (
        RuntimeError,
        ValueError,
    ):  # It did not come to an end, or met what is no number: CLARABEL says what is wrong.
        return None
    total = float(found.sum())
    if not total or float(np.linalg.norm(around @ found)) <= _IN_HULL * total * max(float(np.linalg.norm(aim)), 1.0):
        return None
    return np.asarray(found)


def _by_squares(matrix: Array, aim: Array) -> Array:
    """The small form, with the squares worked out."""
    import clarabel
    from scipy import sparse

    count = matrix.shape[1]
    constraints = sparse.csc_matrix(np.vstack([np.ones((1, count)), -np.eye(count)]))
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(count)]
    quadratic = sparse.csc_matrix(np.triu(matrix.T @ matrix))
    bounds = np.concatenate([[1.0], np.zeros(count)])
    solver = clarabel.DefaultSolver(quadratic, -matrix.T @ aim, constraints, bounds, cones, _settings(clarabel))
    return np.asarray(solver.solve().x)


def _by_residuals(matrix: Array, aim: Array) -> Array:
    """The large form, with each residual as a variable: squares cost half of the digits, which a very close fit needs."""
    import clarabel
    from scipy import sparse

    rows, count = matrix.shape
    dense = np.zeros((1 + rows + count, count + rows))
    dense[0, :count] = 1.0
    dense[1 : 1 + rows, :count] = matrix
    dense[1 : 1 + rows, count:] = np.eye(rows)
    dense[1 + rows :, :count] = -np.eye(count)
    quadratic = sparse.diags([0.0] * count + [1.0] * rows, format="csc")
    bounds = np.concatenate([[1.0], aim, np.zeros(count)])
    cones = [clarabel.ZeroConeT(1 + rows), clarabel.NonnegativeConeT(count)]
    linear = np.zeros(count + rows)
    solver = clarabel.DefaultSolver(quadratic, linear, sparse.csc_matrix(dense), bounds, cones, _settings(clarabel))
    return np.asarray(solver.solve().x)[:count]


def extremes(donors: Array, target: Array, largest: float, direction: Array) -> tuple[float, float]:
    """The least and the most that ``direction @ weights`` can be while the norm of the residual is at most ``largest``."""
    import clarabel
    from scipy import sparse

    matrix, aim, scale = _centred(donors, target)
    rows, count = matrix.shape
    constraints = sparse.csc_matrix(np.vstack([np.ones((1, count)), -np.eye(count), np.zeros((1, count)), matrix]))
    bounds = np.concatenate([[1.0], np.zeros(count), [largest / scale], aim])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(count), clarabel.SecondOrderConeT(rows + 1)]
    size = float(np.abs(direction).max()) or 1.0
    ends = []
    for sign in (1.0, -1.0):
        solver = clarabel.DefaultSolver(
            sparse.csc_matrix((count, count)), sign * direction / size, constraints, bounds, cones, _settings(clarabel)
        )
        found = solver.solve()
        if "Solved" not in str(found.status):
            raise UncertifiedError(
                f"The spread over near-equal fits could not be worked out: CLARABEL says {found.status}"
            )
        ends.append(float(direction @ _cleaned(np.asarray(found.x))))
    return min(ends), max(ends)


def _centred(donors: Array, target: Array) -> tuple[Array, Array, float]:
    """The same problem around the donors' mean and in units of their spread: weights that add up to one don't change."""
    middle = donors.mean(axis=1, keepdims=True)
    scale = float(np.sqrt(np.mean((donors - middle) ** 2))) or 1.0
    return (donors - middle) / scale, (target - middle[:, 0]) / scale, scale


def _settings(clarabel: Any) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    return settings


def _cleaned(weights: Array) -> Array:
    positive = np.clip(weights, 0.0, None)
    if not np.isfinite(positive).all() or not positive.sum():
        raise UncertifiedError(
            "CLARABEL gave no weights. Look for values in the panel that are no numbers or very large."
        )
    return positive / positive.sum()


def _above_best(matrix: Array, aim: Array, weights: Array) -> float:
    """By how much the bound on the distance to the optimum is more than is allowed."""
    residual = matrix @ weights - aim
    gradient = matrix.T @ residual
    allowed = _GAP * float(residual @ residual) / 2 + _GAP_OF_TARGET * max(float(aim @ aim), 1.0)
    return float(gradient @ weights - gradient.min()) - allowed
