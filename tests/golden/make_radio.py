"""Writes radio.txt: what NumPy's arithmetic and GNU Radio's blocks give, for the tests of worker/tests/golden/radio.rs.

    /usr/bin/python3 tests/golden/make_radio.py        # GNU Radio is a package of the system: apt install gnuradio

A line of the file is `MAKER/INPUT/what parameters : numbers`; the inputs are `x`, complex, and `m`, real, 100 items
per second. A complex number is two. `numpy` lines are the definition in double precision, `gnuradio` lines
what the block gives in single precision.
"""

import platform
from pathlib import Path

import numpy as np
from gnuradio import analog, blocks, digital, filter, gr
from gnuradio.analog import fm_emph

from cases import line

RATE = 100.0
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, GNU Radio {gr.version()}",
    "# Made by make_radio.py; x and m have 100 items per second.",
]


def case(what, numbers, **params):
    digits = "%r" if what.startswith(("numpy", "x", "m")) else "%.9g"
    lines.append(line(what, numbers, params, digits))


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

# Loops.


def agc(items, rate, reference, gain, max_gain=np.inf):
    given = []
    for item in items:
        given.append(item * gain)
        gain = min(gain + rate * (reference - abs(given[-1])), max_gain)
    return given


def agc_block(kind, max_gain=0.0, **params):
    block = kind(params["rate"], params["reference"], params["gain"])
    block.set_max_gain(max_gain)
    return block


for words in [
    {"rate": 0.05, "reference": 0.7, "gain": 2.0},
    {"rate": 0.1, "reference": 3.0, "gain": 1.0, "max_gain": 1.5},
]:
    case("numpy/x/agc", agc(x, **words), **words)
    case("numpy/m/agc", agc(m, **words), **words)
    case("gnuradio/x/agc", through(agc_block(analog.agc_cc, **words), x, complex_sink()), **words)
    case("gnuradio/m/agc", through(agc_block(analog.agc_ff, **words), m, real_sink()), **words)


def pll(items, width, low, high):
    damping = np.sqrt(0.5)
    under = 1 + 2 * damping * width + width * width
    phase = freq = 0.0
    rows = []
    for item in items:
        rows.append((item * np.exp(-1j * phase), np.exp(1j * phase), freq * RATE / (2 * np.pi)))
        error = np.angle(item * np.exp(-1j * phase))
        freq += 4 * width * width / under * error
        phase += freq + 4 * damping * width / under * error
        freq = min(max(freq, low), high)
    return [np.array(column) for column in zip(*rows)]


hertz = RATE / (2 * np.pi)
for width, low, high in [(0.05, -1.0, 1.0), (0.2, 0.1, 0.35)]:
    words = {"bandwidth": width, "min_freq": low * hertz, "max_freq": high * hertz}
    carrier, reference, freq = pll(x, width, low, high)
    case("numpy/x/pll", carrier, **words)
    case("numpy/x/pll", reference, output="reference", **words)
    case("numpy/x/pll", freq, output="freq", **words)
    limits = (width, high, low)
    case("gnuradio/x/pll", through(analog.pll_carriertracking_cc(*limits), x, complex_sink()), **words)
    case("gnuradio/x/pll", through(analog.pll_refout_cc(*limits), x, complex_sink()), output="reference", **words)
    found = hertz * through(analog.pll_freqdet_cf(*limits), x, real_sink())
    case("gnuradio/x/pll", found, output="freq", **words)

for ramp, gate in [(0, False), (0, True), (5, False), (5, True)]:
    words = {"threshold": -0.5, "alpha": 0.3, "ramp": ramp, "gate": gate}
    block = analog.pwr_squelch_ff(-0.5, 0.3, ramp, gate)
    case("gnuradio/m/squelch", through(block, m, real_sink()), **words)
    words["threshold"] = 0.2
    block = analog.pwr_squelch_cc(0.2, 0.3, ramp, gate)
    case("gnuradio/x/squelch", through(block, x, complex_sink()), **words)

# Symbols. GNU Radio stops before the last ones.
for omega, gain_omega, mu, gain_mu, limit in [(2.1, 0.01, 0.3, 0.1, 0.02), (3.0, 0.0, 0.75, 0.05, 0.1)]:
    words = {"omega": omega, "gain_omega": gain_omega, "mu": mu, "gain_mu": gain_mu, "omega_relative_limit": limit}
    numbers = (omega, gain_omega, mu, gain_mu, limit)
    case("symbols/m/clock.mm", through(digital.clock_recovery_mm_ff(*numbers), m, real_sink()), **words)
    late = digital.clock_recovery_mm_cc(*numbers)
    case("symbols/x/clock.mm", through(late, x, complex_sink()), **words)
case("gnuradio/m/slice.binary", through(digital.binary_slicer_fb(), m, blocks.vector_sink_b()))
qpsk = digital.constellation_qpsk().base()
case("gnuradio/x/slice.qpsk", through(digital.constellation_decoder_cb(qpsk), x, blocks.vector_sink_b()))

# Patterns.
pattern = [1.0, -0.5, 0.25, 2.0, -1.0]
complex_pattern = np.array(pattern) + 1j * np.array([0.5, 0.0, -1.0, 0.25, 1.5])
energy = lambda items: np.correlate(np.abs(items) ** 2, np.ones(5), "full")[: len(items)]
for name, items in [("x", x), ("m", m)]:
    found = np.correlate(items, pattern, "full")[: len(items)]
    case(f"numpy/{name}/correlate", found, pattern=pattern)
    found = found / np.sqrt(energy(items) * np.sum(np.square(pattern)))
    case(f"numpy/{name}/correlate", found, pattern=pattern, normalize=True)
found = np.correlate(x, complex_pattern, "full")[: len(x)]
case("numpy/x/correlate", found, pattern=complex_pattern.real, pattern_im=complex_pattern.imag)
for alpha, count, gain in [(0.35, 21, 1.0), (0.25, 31, 2.0), (1.0, 11, 1.0)]:
    taps = filter.firdes.root_raised_cosine(gain, RATE, 25.0, alpha, count)
    words = {"symbol_rate": 25.0, "alpha": alpha, "numtaps": count, "gain": gain}
    case("gnuradio/m/fir.rrc", np.convolve(m, taps)[: len(m)], **words)
    case("gnuradio/x/fir.rrc", np.convolve(x, taps)[: len(x)][::3], decimate=3, **words)

# Emphasis: a zero, or one at half the rate, and a pole; gain 1 at 0 Hz.


def root(angular):
    k = -np.tan(angular / (2 * RATE))
    return (1 + k) / (1 - k)


def one_pole(items, zero, pole):
    gain, last, value = (1 - pole) / (1 - zero), 0.0, 0.0
    given = []
    for item in items:
        value = pole * value + gain * (item - zero * last)
        last = item
        given.append(value)
    return given


for tau in [0.02, 0.1]:
    case("numpy/m/deemphasis", one_pole(m, -1.0, root(1 / tau)), tau=tau)
    case("numpy/m/preemphasis", one_pole(m, root(1 / tau), root(2 * np.pi * 30)), tau=tau, high=30)
    case("gnuradio/m/deemphasis", through(fm_emph.fm_deemph(RATE, tau), m, real_sink()), tau=tau)
    case("gnuradio/m/preemphasis", through(fm_emph.fm_preemph(RATE, tau, 30.0), m, real_sink()), tau=tau, high=30)
    case("gnuradio/m/preemphasis", through(fm_emph.fm_preemph(RATE, tau), m, real_sink()), tau=tau)

(Path(__file__).parent / "radio.txt").write_text("\n".join(lines) + "\n")
