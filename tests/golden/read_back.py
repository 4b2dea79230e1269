"""Reads files that Thalweg writes with the programs that others read such files with.

Run it in this folder: python read_back.py PATH-OF-THALWEG. Without the feature `arrow` tables are left out. Passed with
Python 3.11, NumPy 2.4.6, soundfile 0.14.0 (libsndfile 1.2.2), sigmf 1.14.0 and pyarrow 26.0.1.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

THALWEG = str(Path(sys.argv[1]).resolve())
N = np.arange(3000)


def run(folder, graph):
    file = folder / "graph.toml"
    file.write_text(graph)
    subprocess.run([THALWEG, "run", "-q", "--workers", "2", str(file)], check=True, cwd=folder)


COUNTS = """
[agents.n]
op = "counter"
items = 3000
rate = 8000
[agents.half]
op = "map"
in = "n"
expr = "x / 2"
dtype = "f64"
[agents.word]
op = "text.format"
in = "n"
format = "item {x}"
"""


def written(folder, op, inputs, path, more=""):
    named = ", ".join(f'{name} = "{name}"' for name in inputs) if len(inputs) > 1 else None
    source = f"{{ {named} }}" if named else f'"{inputs[0]}"'
    run(folder, f'{COUNTS}\n[agents.out]\nop = "{op}"\nin = {source}\npath = "{path}"\n{more}\n')
    return folder / path


def wav(folder):
    import soundfile

    run(folder, """
[agents.tone]
op = "sine"
freq = 440
rate = 8000
items = 3000
[agents.out]
op = "wav.write"
in = "tone"
path = "t.wav"
format = "i24"
""")
    values, rate = soundfile.read(folder / "t.wav")
    assert rate == 8000 and np.allclose(values, np.sin(2 * np.pi * 440 * N / 8000), atol=1e-6)


def numpy(folder):
    assert (np.load(written(folder, "npy.write", ["half"], "a.npy")) == N / 2).all()
    arrays = np.load(written(folder, "npz.write", ["n", "half"], "a.npz"))
    assert (arrays["n"] == N).all() and (arrays["half"] == N / 2).all()


def lines(folder):
    rows = written(folder, "jsonl.write", ["half", "word"], "a.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == [{"half": k / 2, "word": f"item {k}"} for k in range(3000)]


def recording(folder):
    import sigmf

    notes = """
[agents.few]
op = "head"
in = "n"
items = 3
[agents.note]
op = "text.format"
in = "few"
format = '{{"core:sample_start": {x}, "core:sample_count": 1}}'
"""
    more = f'frequency = 100e6\ndescription = "a ramp"\n{notes}'
    written(folder, "sigmf.write", ["half", "note"], "r", more)
    read = sigmf.fromfile(str(folder / "r.sigmf-meta"))
    read.validate()
    assert (read.read_samples() == N / 2).all()
    assert read.get_global_field("core:sample_rate") == 8000
    assert [a["core:sample_start"] for a in read.get_annotations()] == [0, 1, 2]


def tables(folder):
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet

    ops = subprocess.run([THALWEG, "ops"], check=True, capture_output=True, text=True).stdout
    if "parquet.write" not in ops:
        print("no tables: built without the feature arrow")
        return
    for op, path, read in [
        ("parquet.write", "t.parquet", pa.parquet.read_table),
        ("arrow.write", "t.arrow", pa.feather.read_table),
    ]:
        table = read(written(folder, op, ["n", "half", "word"], path))
        table.validate(full=True)
        assert table["n"].to_pylist() == list(range(3000))
        assert table["half"].to_pylist() == list(N / 2)
        assert table["word"].to_pylist() == [f"item {k}" for k in range(3000)]


if __name__ == "__main__":
    for check in [wav, numpy, lines, recording, tables]:
        with tempfile.TemporaryDirectory() as folder:
            check(Path(folder))
        print(check.__name__, "ok")
