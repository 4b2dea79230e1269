"""Makes load.txt: the first line of /proc/stat, ten times a second for a minute, of a host that never was.

Two cores do some work that swells and ebbs; from second 30 on something eats both for two seconds, and at second 48 everything
stands still for one, as when a disk hangs (iowait).
"""

import math
import random

random.seed(6)
TICKS = 20  # of 1/100 s on two cores in a tenth of a second
user, nice, system, idle, iowait = 4705, 150, 1120, 162500, 2500
with open("load.txt", "w") as out:
    for n in range(600):
        share = 0.25 + 0.05 * math.sin(n / 60) + random.gauss(0, 0.03)
        waiting = 0
        if 300 <= n < 320:
            share = 0.97
        if 480 <= n < 490:
            share, waiting = 0.02, 15
        busy = min(TICKS, max(0, round(TICKS * share + random.uniform(-0.3, 0.3))))
        inside = busy // 4
        user, system = user + busy - inside, system + inside
        iowait += min(waiting, TICKS - busy)
        idle += TICKS - busy - min(waiting, TICKS - busy)
        out.write(f"cpu  {user} {nice} {system} {idle} {iowait} 0 0 0 0 0\n")
