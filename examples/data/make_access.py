"""Makes access.log: a day's lines of a web server that never was.

python3 examples/data/make_access.py
"""

import pathlib
import random

PATHS = ["/", "/about", "/data/quake.csv", "/data/pluck.wav", "/search?q=seismic", "/login", "/größe"]
WEIGHTS = [30, 8, 20, 12, 18, 9, 3]
LINES = 600


def line(draw, second):
    address = f"192.0.2.{draw.choice([3, 7, 7, 7, 19, 42, 42, 108])}"
    path = draw.choices(PATHS, WEIGHTS)[0]
    status = draw.choices([200, 304, 404, 500, 503], [80, 8, 7, 3, 2])[0]
    size = 0 if status == 304 else draw.randrange(200, 90_000)
    seconds = draw.expovariate(1 / 0.04) * (20 if status >= 500 else 1)
    time = f"06/Jul/2019:{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} +0000"
    return f'{address} - - [{time}] "GET {path} HTTP/1.1" {status} {size} {seconds:.3f}\n'


def main():
    draw = random.Random(2019)
    seconds = sorted(draw.randrange(86_400) for _ in range(LINES))
    text = "".join(line(draw, second) for second in seconds)
    pathlib.Path(__file__).with_name("access.log").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
