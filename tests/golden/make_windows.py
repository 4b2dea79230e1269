"""Writes windows.txt: what SciPy gives, for worker/tests/golden/windows.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_windows.py

A line is `what parameters : numbers`. `window` is a symmetric window, `istft` the signal of the spectra `z`, whose numbers
are real and imaginary parts in turn.
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import signal

lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_windows.py; z has 100 items per second before it is taken apart.",
]


def case(what, numbers, **params):
    words = " ".join(f"{name}={value}" for name, value in params.items())
    numbers = np.ascontiguousarray(numbers)
    if np.iscomplexobj(numbers):
        numbers = numbers.view(float)
    lines.append(f"{what} {words} : " + " ".join(f"{v:.13g}" for v in numbers.ravel()))


windows = [(name, []) for name in ("triang", "parzen", "bohman", "barthann", "cosine", "lanczos")]
windows += [("exponential", []), ("exponential", [3.5]), ("tukey", []), ("tukey", [0.0]), ("tukey", [0.3]), ("tukey", [1.0])]
windows += [("gaussian", [2.5]), ("general_gaussian", [1.5, 3.0]), ("general_hamming", [0.75])]
windows += [("general_cosine", [0.4, 0.3, 0.2, 0.1]), ("taylor", []), ("taylor", [6.0, 45.0])]
windows += [("chebwin", [60.0]), ("chebwin", [100.0])]
for name, params in windows:
    for count in (2, 3, 8, 13, 32):
        if name == "exponential":
            values = signal.windows.exponential(count, None, *params)
        elif name == "general_cosine":
            values = signal.windows.general_cosine(count, params)
        elif name == "taylor":
            values = signal.windows.taylor(count, *([int(params[0]), params[1]] if params else []))
        else:
            values = getattr(signal.windows, name)(count, *params)
        args = {"args": "[" + ",".join(map(str, params)) + "]"} if params else {}
        case("window", values, name=name, count=count, **args)

random = np.random.default_rng(20240301)
z = random.standard_normal((5, 17)) + 1j * random.standard_normal((5, 17))
case("z", z)
fs = 100.0
for params in (
    dict(size=32, hop=8),
    dict(size=32, hop=16, window="hamming", scaling="psd"),
    dict(size=20, hop=5, nfft=32, window="tukey", window_args=0.4),
    dict(size=33, hop=11, window="gaussian", window_args=6.0),
    dict(size=32, hop=32, window="boxcar"),
    dict(size=17, hop=4, onesided="false"),
):
    window = params.get("window", "hann")
    window = (window, params["window_args"]) if "window_args" in params else window
    _, x = signal.istft(
        z.T,
        fs,
        window,
        nperseg=params["size"],
        noverlap=params["size"] - params["hop"],
        nfft=params.get("nfft"),
        input_onesided="onesided" not in params,
        boundary=False,
        scaling=params.get("scaling", "spectrum"),
    )
    case("istft", x, **params)

Path(__file__).with_name("windows.txt").write_text("\n".join(lines) + "\n")
