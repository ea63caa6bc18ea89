"""`python3 scripts/setup`: everything a clone needs beyond cargo and npm. Safe to run again; then it needs no network."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARK = "# Written by `make setup`."


def main() -> int:
    # The modules below write types as `Path | None`, which older ones cannot read.
    if sys.version_info < (3, 10):
        found = ".".join(map(str, sys.version_info[:2]))
        print(f"setup: Python is {found}, 3.10 or later is needed: on Debian 12 apt-get install python3", file=sys.stderr)
        return 1
    from encoder import encoder
    from libtorch import libtorch
    from wheel import SetupError

    cache = Path(os.environ.get("KINDRED_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kindred")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        folder = libtorch(cache)
        encoder(cache)
        write_cargo_config(folder)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {error}: can {cache} be written?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


def write_cargo_config(libtorch: Path) -> None:
    """Tells cargo where libtorch is, so that plain `cargo build` and `cargo test` work after set-up."""
    from wheel import SetupError

    config = ROOT / ".cargo" / "config.toml"
    text = f'{MARK}\n[env]\nLIBTORCH = "{libtorch}"\n'
    before = config.read_text() if config.exists() else ""
    if before and not before.startswith(MARK):
        if f'LIBTORCH = "{libtorch}"' in before:
            return
        raise SetupError(f"{config} is your own: add the line LIBTORCH = \"{libtorch}\" under its [env], then run this again")
    if before != text:
        config.parent.mkdir(exist_ok=True)
        config.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
