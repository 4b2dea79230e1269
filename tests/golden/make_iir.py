"""Writes iir.txt: what SciPy gives for recursive filters, for worker/tests/golden/iir.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_iir.py

A line of the file is `what parameters : numbers`; `x` is the input of everything after it. The lines `sos` are coefficients.
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import signal

from cases import line

RATE = 100.0
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_iir.py; x has 100 items per second.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params))


random = np.random.default_rng(20260229)
place = np.arange(64)
x = np.round((3 * random.standard_normal(64) + 10 * np.sin(0.3 * place) + 5) * 64) / 64  # exact in f32 too
case("x", x)


def design(order, frequencies, btype, family):
    words = dict(family)
    name = words.pop("design")
    edge = dict(Wn=frequencies, btype=btype, output="sos", fs=RATE)
    if name == "cheby1":
        return signal.cheby1(order, words["ripple"], **edge)
    if name == "cheby2":
        return signal.cheby2(order, words["attenuation"], **edge)
    if name == "ellip":
        return signal.ellip(order, words["ripple"], words["attenuation"], **edge)
    if name == "bessel":
        return signal.bessel(order, norm=words.get("norm", "phase"), **edge)
    return signal.butter(order, **edge)


def is_settled(sos, y):
    """False where a rounding of the coefficients changes the output: it has not 9 digits then, in SciPy's answer either."""
    for _ in range(20):
        rounded = sos * (1 + 2e-16 * random.standard_normal(sos.shape))
        rounded[:, 3] = 1
        if np.abs(signal.sosfilt(rounded, x) - y).max() > 1e-11 * np.abs(x).max():
            return False
    return True


families = [
    {"design": "butter"},
    {"design": "cheby1", "ripple": 0.01},
    {"design": "cheby1", "ripple": 3.0},
    {"design": "cheby2", "attenuation": 20.0},
    {"design": "cheby2", "attenuation": 90.0},
    {"design": "ellip", "ripple": 0.1, "attenuation": 60.0},
    {"design": "ellip", "ripple": 3.0, "attenuation": 20.0},
    {"design": "bessel"},
    {"design": "bessel", "norm": "delay"},
    {"design": "bessel", "norm": "mag"},
]
# Ordinary edges, and edges near both ends.
bands = [
    ("lowpass", {"cutoff": 10.0}),
    ("lowpass", {"cutoff": 49.5}),
    ("highpass", {"cutoff": 0.2}),
    ("highpass", {"cutoff": 30.0}),
    ("bandpass", {"low": 5.0, "high": 20.0}),
    ("bandpass", {"low": 0.05, "high": 49.0}),
    ("bandstop", {"low": 5.0, "high": 20.0}),
]
for family in families:
    for number, (btype, edges) in enumerate(bands):
        frequencies = list(edges.values())
        frequencies = frequencies[0] if len(frequencies) == 1 else frequencies
        for order in [1, 2, 5, 8, 17]:
            if order == 17 and family.get("attenuation") == 20.0 and family["design"] == "ellip":
                continue  # The modulus is so near 1 that SciPy's `1 - m` has 8 digits.
            sos = design(order, frequencies, btype, family)
            if order == 5 or (order == 2 and number % 2):
                case(f"sos.{btype}", sos, order=order, **edges, **family)
            if (order + number) % 4 == 0 or order == 17:
                y = signal.sosfilt(sos, x)
                if is_settled(sos, y):
                    case(f"iir.{btype}", y, order=order, **edges, **family)

for order in [3, 9, 16, 25]:
    sos = signal.bessel(order, 10.0, "lowpass", output="sos", fs=RATE)
    case("sos.lowpass", sos, order=order, cutoff=10.0, design="bessel")
    case("iir.lowpass", signal.sosfilt(sos, x), order=order, cutoff=10.0, design="bessel")

sos = signal.ellip(6, 1, 40, 10, output="sos", fs=RATE)
case("iir", signal.sosfilt(sos, x), sos=sos)
for w0, q in [(10.0, 30.0), (10.0, 2.0), (45.0, 5.0)]:
    case("iir.notch", signal.lfilter(*signal.iirnotch(w0, q, fs=RATE), x), w0=w0, q=q)
    case("iir.peak", signal.lfilter(*signal.iirpeak(w0, q, fs=RATE), x), w0=w0, q=q)
for w0, q in [(10.0, 30.0), (2.5, 3.0), (20.0, 5.0)]:
    for ftype in ["notch", "peak"]:
        for pass_zero in [False, True]:
            b, a = signal.iircomb(w0, q, ftype=ftype, fs=RATE, pass_zero=pass_zero)
            case("iir.comb", signal.lfilter(b, a, x), w0=w0, q=q, ftype=ftype, pass_zero=pass_zero)
case("dc_block", signal.lfilter([1, -1], [1, -0.99], x), pole=0.99)


def cookbook(kind, freq, q, gain):
    """Bristow-Johnson's formulae as he writes them."""
    A, w0 = 10 ** (gain / 40), 2 * np.pi * freq / RATE
    c, al = np.cos(w0), np.sin(w0) / (2 * q)
    r = 2 * np.sqrt(A) * al
    return {
        "lowpass": ([(1 - c) / 2, 1 - c, (1 - c) / 2], [1 + al, -2 * c, 1 - al]),
        "highpass": ([(1 + c) / 2, -(1 + c), (1 + c) / 2], [1 + al, -2 * c, 1 - al]),
        "bandpass": ([al, 0, -al], [1 + al, -2 * c, 1 - al]),
        "notch": ([1, -2 * c, 1], [1 + al, -2 * c, 1 - al]),
        "allpass": ([1 - al, -2 * c, 1 + al], [1 + al, -2 * c, 1 - al]),
        "peaking": ([1 + al * A, -2 * c, 1 - al * A], [1 + al / A, -2 * c, 1 - al / A]),
        "lowshelf": (
            [A * ((A + 1) - (A - 1) * c + r), 2 * A * ((A - 1) - (A + 1) * c), A * ((A + 1) - (A - 1) * c - r)],
            [(A + 1) + (A - 1) * c + r, -2 * ((A - 1) + (A + 1) * c), (A + 1) + (A - 1) * c - r],
        ),
        "highshelf": (
            [A * ((A + 1) + (A - 1) * c + r), -2 * A * ((A - 1) + (A + 1) * c), A * ((A + 1) + (A - 1) * c - r)],
            [(A + 1) - (A - 1) * c + r, 2 * ((A - 1) - (A + 1) * c), (A + 1) - (A - 1) * c - r],
        ),
    }[kind]


for kind in ["lowpass", "highpass", "bandpass", "notch", "allpass", "peaking", "lowshelf", "highshelf"]:
    words = {"kind": kind, "freq": 12.0, "q": 1.3}
    if kind in ("peaking", "lowshelf", "highshelf"):
        words["gain"] = -7.5
    b, a = cookbook(kind, 12.0, 1.3, words.get("gain", 0.0))
    case("iir.biquad", signal.lfilter(b, a, x), **words)

(Path(__file__).parent / "iir.txt").write_text("\n".join(lines) + "\n")
