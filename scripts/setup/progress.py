"""Shows what is fetched and how far it is: one moving line on a terminal, a line every tenth otherwise."""

import sys
import time


class Progress:
    """Counts bytes towards a known total and says so on standard error."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, max(total, 1), 0
        self.started = time.monotonic()
        self.shown = -1

    def add(self, count: int) -> None:
        self.done += count
        percent = min(100, self.done * 100 // self.total)
        step = percent if sys.stderr.isatty() else percent // 10 * 10
        if step == self.shown:
            return
        self.shown = step
        rate = self.done / max(time.monotonic() - self.started, 1e-3) / 1e6
        line = f"  {self.what}: {percent:3d} % of {self.total / 1e6:.1f} MB, {rate:.1f} MB/s"
        print(f"\r{line}   " if sys.stderr.isatty() else line, end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)
