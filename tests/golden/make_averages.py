"""Writes averages.txt: what SciPy gives for trends, medians of spectra, and spectra of two streams, for worker/tests/golden/averages.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_averages.py

A line is `what parameters : numbers`; `type` is that of the inputs, whose numbers are those of `x` and `y`, read as complex ones (real, imaginary,
real ..) where it is complex, as vectors where it is one of those.
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
    "# Made by make_averages.py; x and y have 100 items per second.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params, "%.11g"))


random = np.random.default_rng(20261124)
place = np.arange(120)
x = random.standard_normal(120) + 4 * np.sin(0.5 * place) + 2 + 0.05 * place
y = np.convolve(x, [0, 1, 0.5], "same") + random.standard_normal(120)
x, y = np.round(x * 64) / 64, np.round(y * 64) / 64  # exact in f32 too
case("x", x)
case("y", y)
signals = {"f64": (x, y), "cf64": (x.view(complex), y.view(complex))}

for size in (1, 2, 7, 40):
    for kind in ("linear", "constant"):
        rows = x[: 120 // size * size].reshape(-1, size)
        case("detrend", signal.detrend(rows, type=kind), **{"type": f"f64[{size}]", "of": kind})
rows = x.view(complex).reshape(-1, 12)
case("detrend", signal.detrend(rows), **{"type": "cf64[12]", "of": "linear"})

for kind, (x, y) in signals.items():
    sided = {"return_onesided": kind == "f64"}
    for size, hop, nfft in ((12, 6, 12), (11, 8, 16)):
        common = {"nperseg": size, "noverlap": size - hop, "nfft": nfft, **sided}
        shape = {"size": size, "hop": hop, "nfft": nfft, "type": kind}
        for detrend in ("linear", "constant"):
            _, _, bins = signal.stft(x, RATE, "hann", detrend=detrend, boundary=None, padded=False, **common)
            case("stft", bins.T, detrend=detrend, **shape)
        _, _, powers = signal.spectrogram(x, RATE, "hann", detrend="linear", **common)
        case("spectrogram", powers.T, detrend="linear", **shape)
        for segments, every in ((3, 3), (4, 1), (2, 4)) if nfft == 12 else ((5, 2),):
            span = (segments - 1) * hop + size
            starts = range(0, len(x) - span + 1, every * hop)
            means = {"segments": segments, "every": every, **shape}
            for average, detrend, scaling in (
                ("median", "constant", "density"),
                ("median", False, "spectrum"),
                ("mean", "linear", "density"),
            ):
                words = {"average": average, "detrend": detrend, "scaling": scaling}
                of = [signal.welch(x[n : n + span], RATE, "hann", **words, **common)[1] for n in starts]
                spelled = {**words, "detrend": str(detrend).lower()}
                case("welch", of, **spelled, **means)
                of = [signal.csd(x[n : n + span], y[n : n + span], RATE, "hann", **words, **common)[1] for n in starts]
                case("csd", np.array(of, complex), **spelled, **means)
            # SciPy's coherence has no choice of sides: complex signals have both.
            del common["return_onesided"]
            for detrend in ("constant", "linear"):
                of = [signal.coherence(x[n : n + span], y[n : n + span], RATE, "hann", detrend=detrend, **common)[1] for n in starts]
                case("coherence", of, detrend=detrend, **means)
            common |= sided

Path(__file__).with_name("averages.txt").write_text("\n".join(lines) + "\n")
