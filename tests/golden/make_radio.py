"""Writes radio.txt: what NumPy's arithmetic and GNU Radio's blocks give, for the tests of worker/tests/golden/radio.rs.

    /usr/bin/python3 tests/golden/make_radio.py        # GNU Radio is a package of the system: apt install gnuradio

A line of the file is `MAKER/INPUT/what parameters : numbers`; the inputs are `x`, complex, and `m`, real, 100 items
per second. A complex number is two. `numpy` lines are the definition in double precision, `gnuradio` lines
what the block gives in single precision.
"""

import platform
from pathlib import Path

import numpy as np
from gnuradio import analog, blocks, gr

RATE = 100.0
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, GNU Radio {gr.version()}",
    "# Made by make_radio.py; x and m have 100 items per second.",
]


def spelled(value):
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ",".join(repr(float(v)) for v in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def case(what, numbers, **params):
    words = " ".join(f"{name}={spelled(value)}" for name, value in params.items())
    numbers = np.asarray(numbers)
    if np.iscomplexobj(numbers):
        numbers = np.column_stack([numbers.real, numbers.imag])
    lines.append(f"{what} {words} : " + " ".join(repr(float(v)) for v in np.ravel(numbers)))


def through(block, items, sink):
    """What a block of GNU Radio gives for these items."""
    top = gr.top_block()
    if np.iscomplexobj(items):
        source = blocks.vector_source_c([complex(v) for v in items])
    else:
        source = blocks.vector_source_f([float(v) for v in items])
    top.connect(source, block, sink)
    top.run()
    return np.array(sink.data())


def complex_sink():
    return blocks.vector_sink_c()


def real_sink():
    return blocks.vector_sink_f()


random = np.random.default_rng(19470612)
n = np.arange(80)
# Exact in f32 too.
rounded = lambda values: np.round(values * 256) / 256
m = rounded(random.standard_normal(80))
x = (1 + 0.2 * random.standard_normal(80)) * np.exp(1j * (0.31 * n + 0.2 * np.cumsum(random.standard_normal(80))))
x = rounded(x.real) + 1j * rounded(x.imag)
case("x", x)
case("m", m)

# Moving and mixing.
for freq, phase in [(12.5, 0.0), (-31.7, 0.3), (1000.1, 0.0)]:
    tone = np.exp(1j * (2 * np.pi * freq / RATE * n + phase))
    case("numpy/x/shift", x * tone, freq=freq, phase=phase)
    case("numpy/m/shift", m * tone, freq=freq, phase=phase)
case(
    "gnuradio/x/shift",
    through(blocks.rotator_cc(2 * np.pi * -31.7 / RATE), x, complex_sink()),
    freq=-31.7,
)

# Modulation and demodulation.
before = np.concatenate([[0], x[:-1]])
case("numpy/x/am.demod", np.abs(x) - 0.5, carrier=0.5)
case("gnuradio/x/am.demod", through(blocks.complex_to_mag(), x, real_sink()))
case("numpy/x/fm.demod", 0.7 * np.angle(x * before.conj()), gain=0.7)
case("numpy/x/fm.demod", np.angle(x * before.conj()) * RATE / (2 * np.pi * 20), deviation=20)
case("gnuradio/x/fm.demod", through(analog.quadrature_demod_cf(0.7), x, real_sink()), gain=0.7)
case("numpy/x/pm.demod", np.angle(x))
case("numpy/x/pm.demod", 0.5 * np.unwrap(np.angle(x)), gain=0.5, unwrap=True)
case("gnuradio/x/pm.demod", through(blocks.complex_to_arg(), x, real_sink()))
case("numpy/m/am.mod", 0.8 + 0.5 * m + 0j, depth=0.5, carrier=0.8)
case("numpy/m/fm.mod", np.exp(0.3j * np.cumsum(m)), sensitivity=0.3)
case("numpy/m/fm.mod", np.exp(2j * np.pi * 12 / RATE * np.cumsum(m)), deviation=12)
case("gnuradio/m/fm.mod", through(analog.frequency_modulator_fc(0.3), m, complex_sink()), sensitivity=0.3)
case("numpy/m/pm.mod", np.exp(0.9j * m), sensitivity=0.9)
case("gnuradio/m/pm.mod", through(analog.phase_modulator_fc(0.9), m, complex_sink()), sensitivity=0.9)

(Path(__file__).parent / "radio.txt").write_text("\n".join(lines) + "\n")
