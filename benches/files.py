#!/usr/bin/env python3
"""Readers and writers of files beside pandas, NumPy, soundfile and pyarrow.

    python3 benches/files.py target/release/thalweg [WORD ..]     # only the works whose names have a WORD

Every work is done by turns, ours and each rival's, five times; the table has the medians, in bytes of the file and a second of CPU time, of all
threads and of the system's part, so what else the machine does matters little. Ours is the whole command, from its start to its end, with the sink
`null` behind a reader; a rival's is its call alone, in a process that has loaded everything before. Files are in the page
cache. Needs numpy, pandas, pyarrow, soundfile; Parquet a build with `--features arrow`.
"""

import json, os, resource, statistics, subprocess, sys, tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import soundfile

ROUNDS = 5


def make(folder):
    """The files that are read, some 100 MB each."""
    random = np.random.default_rng(1)
    at = lambda name: os.path.join(folder, name)
    rows = random.normal(size=(1_500_000, 3))
    frame = pd.DataFrame(rows, columns=["x", "y", "z"])
    pa.csv.write_csv(pa.Table.from_pandas(frame), at("full.csv"))
    frame.round(4).to_csv(at("short.csv"), index=False)
    whole = pd.DataFrame(random.integers(-100_000, 100_000, (3_000_000, 3)), columns=["x", "y", "z"])
    whole.to_csv(at("whole.csv"), index=False)
    words = np.array(["north", "south", "east, by night", "west"])[random.integers(0, 4, 1_000_000)]
    mixed = pd.DataFrame({"t": np.arange(1_000_000) / 100, "name": words, "n": whole["x"][:1_000_000]})
    mixed.to_csv(at("mixed.csv"), index=False)
    mixed.to_json(at("mixed.jsonl"), orient="records", lines=True)
    frame[:1_000_000].to_json(at("numbers.jsonl"), orient="records", lines=True, double_precision=15)
    many = random.normal(size=25_000_000)
    np.save(at("many.npy"), many)
    many.tofile(at("many.f64"))
    many[:3_000_000].tofile(at("some.f64"))
    np.float32(many[:3_000_000]).tofile(at("some.f32"))
    sound = (0.3 * np.sin(np.arange(20_000_000) * 0.03) + 0.01 * many[:20_000_000]).reshape(-1, 2)
    soundfile.write(at("sound.wav"), sound, 48_000, subtype="PCM_16")
    soundfile.write(at("sound24.wav"), sound, 48_000, subtype="PCM_24")
    soundfile.write(at("sound.flac"), sound, 48_000)
    np.float32(sound).tofile(at("sound.f32"))
    pa.parquet.write_table(pa.Table.from_pandas(pd.DataFrame(many.reshape(-1, 5), columns=list("abcde"))), at("many.parquet"))


def text_of(path):
    with open(path, encoding="utf-8") as file:
        for _ in file:
            pass


def json_of(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            json.loads(line)


def works(folder):
    """(name, the file that counts, our line, the rivals)"""
    at = lambda name: os.path.join(folder, name)
    column = lambda count: np.fromfile(at("some.f64")).reshape(-1, count)
    frame = pd.DataFrame(column(3), columns=["x", "y", "z"])
    table = pa.Table.from_pandas(frame)
    many = np.fromfile(at("many.f64"))
    sound = np.fromfile(at("sound.f32"), "f4").reshape(-1, 2)
    csv = lambda name: {
        "pandas": lambda: pd.read_csv(at(name)),
        "pyarrow": lambda: pa.csv.read_csv(at(name)),
    }
    lines = lambda name: {
        "pandas": lambda: pd.read_json(at(name), lines=True),
        "pyarrow": lambda: pa.json.read_json(at(name)),
        "json.loads": lambda: json_of(at(name)),
    }
    to = at("out")
    return [
        ("csv.read, f64 of 17 digits", "full.csv", f"r:csv.read path={at('full.csv')} ; null in=r.x ; null in=r.y ; null in=r.z", csv("full.csv")),
        ("csv.read, f64 of 4 places", "short.csv", f"r:csv.read path={at('short.csv')} ; null in=r.x ; null in=r.y ; null in=r.z", csv("short.csv")),
        ("csv.read, integers", "whole.csv", f"r:csv.read path={at('whole.csv')} types=[i64,i64,i64] ; null in=r.x ; null in=r.y ; null in=r.z", csv("whole.csv")),
        ("csv.read, f64, text, i64", "mixed.csv", f"r:csv.read path={at('mixed.csv')} types=[f64,text,i64] ; null in=r.t ; null in=r.name ; null in=r.n", csv("mixed.csv")),
        ("jsonl.read, f64", "numbers.jsonl", f"r:jsonl.read path={at('numbers.jsonl')} ; null in=r.x ; null in=r.y ; null in=r.z", lines("numbers.jsonl")),
        ("jsonl.read, f64, text, f64", "mixed.jsonl", f"r:jsonl.read path={at('mixed.jsonl')} ; null in=r.t ; null in=r.name ; null in=r.n", lines("mixed.jsonl")),
        ("text.read", "short.csv", f"text.read path={at('short.csv')} ! null", {"Python, `for line in file`": lambda: text_of(at("short.csv"))}),
        ("npy.read", "many.npy", f"npy.read path={at('many.npy')} ! null", {"numpy.load": lambda: np.load(at("many.npy"))}),
        ("raw.read", "many.f64", f"raw.read path={at('many.f64')} dtype=f64 ! null", {"numpy.fromfile": lambda: np.fromfile(at("many.f64"))}),
        ("wav.read, 16 bits", "sound.wav", f"wav.read path={at('sound.wav')} ! null", {"soundfile": lambda: soundfile.read(at("sound.wav"), dtype="float32")}),
        ("wav.read, 24 bits", "sound24.wav", f"wav.read path={at('sound24.wav')} ! null", {"soundfile": lambda: soundfile.read(at("sound24.wav"), dtype="float32")}),
        ("flac.read", "sound.flac", f"flac.read path={at('sound.flac')} ! null", {"soundfile": lambda: soundfile.read(at("sound.flac"), dtype="float32")}),
        ("parquet.read", "many.parquet", f"parquet.read path={at('many.parquet')} columns=[a] ! null", {
            "pyarrow, one thread": lambda: pa.parquet.read_table(at("many.parquet"), columns=["a"], use_threads=False),
        }),
        ("csv.write, f64", to, f"raw.read path={at('some.f64')} dtype=f64[3] ! csv.write path={to}", {
            "pandas": lambda: frame.to_csv(to, index=False),
            "pyarrow": lambda: pa.csv.write_csv(table, to),
        }),
        ("csv.write, f32", to, f"raw.read path={at('some.f32')} dtype=f32[3] ! csv.write path={to}", {
            "pandas": lambda: frame.astype("f4").to_csv(to, index=False),
        }),
        ("jsonl.write, f64", to, f"raw.read path={at('some.f64')} dtype=f64[3] ! jsonl.write path={to}", {
            "pandas": lambda: frame.to_json(to, orient="records", lines=True, double_precision=15),
        }),
        ("npy.write", to, f"raw.read path={at('many.f64')} dtype=f64 ! npy.write path={to}", {"numpy.save": lambda: np.save(open(to, "wb"), many)}),
        ("raw.write", to, f"raw.read path={at('many.f64')} dtype=f64 ! raw.write path={to}", {"numpy.tofile": lambda: many.tofile(to)}),
        ("wav.write, 16 bits", to, f"raw.read path={at('sound.f32')} dtype=f32[2] rate=48000 ! wav.write format=i16 path={to}", {
            "soundfile": lambda: soundfile.write(to, sound, 48_000, subtype="PCM_16", format="WAV"),
        }),
    ]


def timed(act):
    """Seconds of CPU, of this process and of those that it started."""
    spent = lambda: sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    begin = spent()
    act()
    return spent() - begin


def measure(program, name, file, line, rivals, folder):
    ours = lambda: subprocess.run([program, "run", "-q", "-e", line], check=True)
    acts = {"": ours, **rivals}
    times = {rival: [] for rival in acts}
    path = file if os.path.isabs(file) else os.path.join(folder, file)
    size = 0
    for _ in range(ROUNDS):
        for rival, act in acts.items():
            if os.path.isabs(file) and os.path.exists(path):
                os.remove(path)
            times[rival].append(timed(act))
            size = size if rival else os.path.getsize(path)
    medians = {rival: statistics.median(seconds) for rival, seconds in times.items()}
    best = medians.pop("")
    beside = "; ".join(f"{rival} {size / took / 1e6:,.0f}" for rival, took in medians.items())
    ratios = " / ".join(f"{took / best:.2f}" for took in medians.values())
    print(f"| {name} | {size / best / 1e6:,.0f} | {beside} | {ratios} |", flush=True)


def main():
    program, words = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        print("| work | MB/s | rivals, MB/s | ratio |\n| --- | --- | --- | --- |")
        for name, file, line, rivals in works(folder):
            if not words or any(word in name for word in words):
                measure(program, name, file, line, rivals, folder)


main()
