"""Elementary functions in single precision that the compiler turns into vector instructions.

Errors: `log2_of` 1e-6, `exp2_of` 3e-7 of the value, `atan2_deg` 2e-5 degrees, `normal_of` 3e-7; a level
made of them is within 1e-3 dB of double precision.  Every element is computed by itself with the same
operations, so a result does not depend on what stands beside it.
"""
# mypy: disable-error-code="no-untyped-def"

import math

import numpy as np
from numba import njit

F = np.float32
I = np.int32  # noqa: E741 - the pair of F
LG2 = F(math.log10(2.0))
DB_PER_LOG2 = F(10.0 * math.log10(2.0))
LOG2_PER_DB = F(0.1 / math.log10(2.0))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def bits_of(x):  # noqa: ANN001, ANN201 - compiled
    """The bits of a single: for positive numbers they grow with the number."""
    return I(F(x).view(I))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def log2_of(x):  # noqa: ANN001, ANN201 - compiled
    """Binary logarithm of a positive single."""
    bits = bits_of(x)
    power = I(I(bits - I(0x3F3504F3)) >> I(23))
    part = F(I(bits - I(power << I(23))).view(F))
    t = part - F(1.0)
    s = t / (F(2.0) + t)
    z = s * s
    p = F(2.885390082) + z * (F(0.961796694) + z * (F(0.577078016) + z * F(0.412198583)))
    return F(power) + s * p


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def exp2_of(x):  # noqa: ANN001, ANN201 - compiled
    """Two to the power of a single between -126 and 126."""
    held = min(max(x, F(-126.0)), F(126.0))
    whole = F(np.floor(held + F(0.5)))
    f = held - whole
    p = F(0.00961817) + f * (F(0.00133336) + f * F(0.000154034))
    p = F(1.0) + f * (F(0.69314718) + f * (F(0.24022651) + f * (F(0.05550357) + f * p)))
    return p * F(I(I(I(whole) + I(127)) << I(23)).view(F))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def atan2_deg(y, x):  # noqa: ANN001, ANN201 - compiled
    """Angle of a point seen from the origin [deg], as `math.atan2` turns it."""
    up, right = abs(y), abs(x)
    t = min(up, right) / max(up, right, F(1e-30))
    z = t * t
    p = F(-0.1390853351) + z * (F(0.0964200441) + z * (F(-0.0559098861) + z * (F(0.0218612288) + z * F(-0.0040540580))))
    p = t * (F(0.9999993329) + z * (F(-0.3332985605) + z * (F(0.1994653599) + z * p)))
    p = (F(1.5707963268) - p if up > right else p) * F(57.29577951)
    p = F(180.0) - p if x < F(0.0) else p
    return -p if y < F(0.0) else p


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def normal_of(z):  # noqa: ANN001, ANN201 - compiled
    """Standard normal distribution function of a single (Abramowitz and Stegun 7.1.26)."""
    x = abs(z) * F(0.70710678)
    t = F(1.0) / (F(1.0) + F(0.3275911) * x)
    p = F(1.421413741) + t * (F(-1.453152027) + t * F(1.061405429))
    p = t * (F(0.254829592) + t * (F(-0.284496736) + t * p))
    tail = F(0.5) * p * exp2_of(-x * x * F(1.44269504))
    return tail if z < F(0.0) else F(1.0) - tail


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def sine_of(x):  # noqa: ANN001, ANN201 - compiled
    """Sine of an angle between -1.5 pi and 1.5 pi [rad] (error 1e-7 inside a half turn)."""
    half = F(1.5707963268)
    fold = F(3.1415926536) - x if x > half else (F(-3.1415926536) - x if x < -half else x)
    z = fold * fold
    p = F(-1.9841270e-4) + z * (F(2.7557319e-6) + z * F(-2.5052108e-8))
    return fold * (F(1.0) + z * (F(-0.16666667) + z * (F(8.3333333e-3) + z * p)))
