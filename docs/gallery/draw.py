"""Draws the pictures of docs/gallery.md from what the examples give (Matplotlib 3.11.2, NumPy).

    cargo build --release && python docs/gallery/draw.py target/release/thalweg [NAME ..]

Each function below draws one picture; it runs the example that has its name.
"""

import io
import pathlib
import subprocess
import sys
import tempfile

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = pathlib.Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
THALWEG = "thalweg"
WATER, DEEP, ALARM, STONE = "#4a90b8", "#12496b", "#d2562e", "#8a9299"

plt.rcParams.update(
    {
        "figure.figsize": (7.2, 3.2),
        "figure.dpi": 100,
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": STONE,
        "legend.frameon": False,
        "lines.linewidth": 1.0,
    }
)


def thalweg(*arguments):
    """What a command prints."""
    command = [THALWEG, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def printed(example, *options):
    """The rows of numbers that an example prints."""
    text = thalweg("run", "-q", EXAMPLES / example, *options)
    return np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1, ndmin=2)


def streams(example, *names, options=()):
    """What went over streams of an example: they are recorded, and given again."""
    with tempfile.TemporaryDirectory() as folder:
        recording = pathlib.Path(folder) / "r.rec"
        sets = [word for option in options for word in ("--set", option)]
        thalweg("record", recording, "-q", "--streams", ",".join(names), EXAMPLES / example, *sets)
        found = []
        for nth, name in enumerate(names):
            path = pathlib.Path(folder) / f"{nth}.csv"
            line = f'replay.read path="{recording}" streams="{name}" ! csv.write path="{path}" header=false'
            thalweg("run", "-q", "-e", line)
            found.append(np.loadtxt(path, delimiter=","))
        return found


def quake():
    trace, ratio = streams("quake.toml", "trace", "ratio")
    picks = printed("quake.toml")
    seconds = np.arange(len(trace)) / 100
    figure, (above, below) = plt.subplots(2, 1, sharex=True)
    above.plot(seconds, trace - trace.mean(), color=DEEP, linewidth=0.5)
    above.set_ylabel("up, g/1000")
    below.plot(seconds, ratio, color=WATER)
    below.set_ylabel("STA/LTA")
    below.set_xlabel("s")
    for on, off, _ in picks:
        for axes in (above, below):
            axes.axvspan(on, off, color=ALARM, alpha=0.25, linewidth=0)
    return figure


def host():
    (busy,) = streams("host.toml", "busy")
    figure, axes = plt.subplots()
    axes.plot((np.arange(len(busy)) + 1) / 10, 100 * busy, color=DEEP)
    for on, off, sigmas in printed("host.toml"):
        axes.axvspan(on, off, color=ALARM, alpha=0.3, linewidth=0)
        axes.text(on, 103, f"{sigmas:.0f} sigma", color=ALARM)
    axes.set(xlabel="s", ylabel="busy, %", ylim=(0, 112))
    return figure


def access():
    rows = [row.split(",") for row in thalweg("run", "-q", EXAMPLES / "access.toml").splitlines()[1:]]
    figure, axes = plt.subplots()
    pages, failures = [row[0] for row in rows][::-1], [int(row[1]) for row in rows][::-1]
    bars = axes.barh(pages, failures, color=WATER)
    axes.bar_label(bars, padding=3)
    axes.set_xlabel("answers of status 400 and above")
    return figure


def clusters():
    (points,) = streams("clusters.toml", "point")
    centres = printed("clusters.toml", "--set", "centers.every=2")
    centres = np.vstack([[1, 1, -1, -1], centres]).reshape(-1, 2, 2)
    nearest = np.linalg.norm(points[:, None] - centres[-1], axis=2).argmin(axis=1)
    figure, axes = plt.subplots(figsize=(4.8, 3.6))
    for k, colour in enumerate([WATER, STONE]):
        axes.scatter(*points[nearest == k].T, s=2, color=colour, alpha=0.5, linewidth=0)
        axes.plot(*centres[:, k].T, "o-", color=ALARM, markersize=3)
        axes.plot(*centres[-1, k], "+", color=DEEP, markersize=16, markeredgewidth=2)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    return figure


def fm_radio():
    with tempfile.TemporaryDirectory() as folder:
        air, wav = pathlib.Path(folder) / "air.cf32", pathlib.Path(folder) / "radio.wav"
        thalweg("run", "-q", EXAMPLES / "fm_station.toml", "--set", f"out.path={air}")
        options = ["--set", f"air.path={air}", "--set", f"out.path={wav}"]
        thalweg("run", "-q", EXAMPLES / "fm_radio.toml", *options)
        heard = np.fromfile(air, dtype=np.complex64)
        sound = np.frombuffer(wav.read_bytes()[44:], dtype="<i2") / 32768
    figure, (left, right) = plt.subplots(1, 2)

    def spectrum(x, size):
        frames = x[: len(x) // size * size].reshape(-1, size) * np.hanning(size)
        return 10 * np.log10(np.mean(np.abs(np.fft.fft(frames)) ** 2, axis=0) / size + 1e-12)

    frequencies = np.fft.fftshift(np.fft.fftfreq(4096, 1 / 960))
    left.plot(frequencies, np.fft.fftshift(spectrum(heard, 4096)), color=STONE, linewidth=0.6)
    left.axvspan(100, 300, color=WATER, alpha=0.3, linewidth=0)
    left.set(xlabel="kHz", ylabel="dB", title="what the antenna hears")
    power = spectrum(sound[4800:], 9600)
    right.plot(np.fft.rfftfreq(9600, 1 / 48000), power[:4801], color=DEEP)
    right.set(xlabel="Hz", xlim=(0, 1500), title="what the radio plays")
    figure.tight_layout()
    return figure


def fusion():
    rows = printed("fusion.toml")
    seconds = np.arange(len(rows)) / 10
    figure, axes = plt.subplots()
    axes.plot(seconds, rows[:, 2], color=STONE, linewidth=0.6, label="accelerometer alone")
    axes.plot(seconds, rows[:, 1], color=ALARM, label="gyroscope alone")
    axes.plot(seconds, rows[:, 0], color=WATER, linewidth=3, label="true")
    axes.plot(seconds, rows[:, 3], color=DEEP, label="both together")
    axes.set(xlabel="s", ylabel="tilt, degrees")
    axes.legend(ncols=4, loc="upper left", bbox_to_anchor=(0, 1.14))
    return figure


def silence():
    (speech,) = streams("silence.toml", "speech", options=["spoken.path=/dev/null"])
    seconds = np.arange(len(speech)) / 8000
    figure, axes = plt.subplots()
    axes.plot(seconds, speech, color=STONE, linewidth=0.5)
    with tempfile.TemporaryDirectory() as folder:
        for begin, end, _ in printed("silence.toml", "--set", f"spoken.path={folder}/spoken.wav"):
            kept = (seconds >= begin) & (seconds <= end)
            axes.plot(seconds[kept], speech[kept], color=DEEP, linewidth=0.5)
            axes.axvspan(begin, end, color=WATER, alpha=0.25, linewidth=0)
    axes.set(xlabel="s", ylabel="speech", ylim=(-0.6, 0.6))
    return figure


def reverb():
    with tempfile.TemporaryDirectory() as folder:
        levels = printed("reverb.toml", "--set", f"out.path={folder}/hall.wav")
    seconds = np.arange(len(levels)) / 20
    figure, axes = plt.subplots()
    axes.step(seconds, levels[:, 1], where="post", color=WATER, linewidth=2, label="in the hall")
    dry = np.where(levels[:, 0] > -120, levels[:, 0], np.nan)
    axes.step(seconds, dry, where="post", color=DEEP, linewidth=2, label="dry")
    axes.axvspan(0, 0.4, color=STONE, alpha=0.15, linewidth=0)
    axes.set(xlabel="s", ylabel="level, dBFS", xlim=(0, 2))
    axes.legend(loc="upper right")
    return figure


def octaves():
    levels = printed("octaves.toml")
    figure, axes = plt.subplots()
    seconds = np.arange(len(levels) + 1) / 10
    picture = axes.pcolormesh(seconds, np.arange(levels.shape[1] + 1), levels.T, vmin=-60, vmax=-20)
    names = ("63", "125", "250", "500", "1k", "2k", "4k", "8k")
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.set(xlabel="s", ylabel="octave at, Hz")
    figure.colorbar(picture, label="level, dBFS")
    return figure


def spectrogram():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/spectrogram.png"
        thalweg("run", "-q", EXAMPLES / "spectrogram.toml", "--set", f"picture.path={path}")
        pixels = plt.imread(path)
    # The picture up to 5 kHz, with scales at its sides.
    figure, axes = plt.subplots(figsize=(5.4, 3.6))
    width = round(5000 * 1024 / 44100)
    extent = (0, width * 44.1 / 1024, len(pixels) * 256 / 44100, 0)
    axes.imshow(pixels[:, :width], extent=extent, aspect="auto", interpolation="nearest")
    axes.set(xlabel="kHz", ylabel="s")
    return figure


PICTURES = [quake, host, access, clusters, fm_radio, fusion, silence, reverb, octaves, spectrogram]

if __name__ == "__main__":
    THALWEG = str(pathlib.Path(sys.argv[1]).resolve())
    wanted = sys.argv[2:]
    for draw in PICTURES:
        if not wanted or draw.__name__ in wanted:
            figure = draw()
            figure.savefig(HERE / f"{draw.__name__}.png", bbox_inches="tight", pil_kwargs={"optimize": True})
            plt.close(figure)
