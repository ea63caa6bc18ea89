"""Takes single files out of a wheel of the Python package index.

A wheel is a zip, and a zip's table of contents lies at its end: where the index answers range requests, only the
wanted members travel. Where it does not, pip fetches the whole wheel. Either way every file is checked against the
wheel's own RECORD, and RECORD against a pinned SHA-256.
"""

import base64
import csv
import hashlib
import html
import http.client
import io
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from progress import Progress
from web import open_url

# The table of contents of the largest wheel (13,000 members) takes less than this.
TAIL_BYTES = 4 << 20
# Members closer than this are fetched in one request.
GAP_BYTES = 256 << 10
CHUNK_BYTES = 1 << 20


class SetupError(Exception):
    """A set-up step failed; the text says what and what to do."""


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel."""

    project: str
    version: str
    file_name: str
    record_sha256: str

    @property
    def record_name(self) -> str:
        return "-".join(self.file_name.split("-")[:2]) + ".dist-info/RECORD"


def extract(wheel: Wheel, wanted: Callable[[str], Path | None], scratch: Path) -> list[Path]:
    """Writes each member for which `wanted` names a path; returns the paths. `scratch` must exist."""
    archive = scratch / wheel.file_name
    try:
        _fetch_members(wheel, lambda name: wanted(name) is not None or name == wheel.record_name, archive)
    except (OSError, ValueError, http.client.HTTPException, zipfile.BadZipFile) as error:
        print(f"  fetching parts of {wheel.file_name} did not work ({error}); fetching it whole", file=sys.stderr)
        archive.unlink(missing_ok=True)
        _fetch_whole(wheel, archive)
    try:
        return _unpack(wheel, wanted, archive)
    finally:
        archive.unlink(missing_ok=True)


def _index_url() -> str:
    """The index that pip would ask."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    ).stdout.strip()
    if os.environ.get("PIP_INDEX_URL"):
        return os.environ["PIP_INDEX_URL"]
    if configured:
        return configured
    from pip._internal.models.index import PyPI

    return PyPI.simple_url


def _address(wheel: Wheel) -> str:
    page = f"{_index_url().rstrip('/')}/{wheel.project}/"
    with open_url(page) as response:
        base, text = response.geturl(), response.read().decode()
    for href in re.findall(r'href="([^"]+)"', text):
        address = urllib.parse.urljoin(base, html.unescape(href)).split("#")[0]
        if address.endswith("/" + wheel.file_name):
            return address
    raise ValueError(f"the index does not list {wheel.file_name}")


def _fetch_members(wheel: Wheel, wanted: Callable[[str], bool], archive: Path) -> None:
    """Makes a sparse copy of the wheel in which the table of contents and the wanted members are filled in."""
    address = _address(wheel)
    with open_url(address, {"Range": "bytes=0-0"}) as response:
        if response.status != 206:
            raise ValueError("the index does not answer range requests")
        size = int(response.headers["Content-Range"].rpartition("/")[2])

    with archive.open("w+b") as file:
        file.truncate(size)
        tail = max(0, size - TAIL_BYTES)
        _fetch_span(address, file, tail, size, None)
        with zipfile.ZipFile(file) as contents:
            members = sorted(contents.infolist(), key=lambda member: member.header_offset)
            ends = [member.header_offset for member in members[1:]] + [contents.start_dir]
        spans: list[list[int]] = []
        for member, end in zip(members, ends):
            if not wanted(member.filename):
                continue
            if spans and member.header_offset - spans[-1][1] <= GAP_BYTES:
                spans[-1][1] = end
            else:
                spans.append([member.header_offset, end])
        progress = Progress(wheel.file_name.split("-")[0], sum(end - start for start, end in spans))
        for start, end in spans:
            _fetch_span(address, file, start, end, progress)
        progress.finish()


def _fetch_span(address: str, file, start: int, end: int, progress: Progress | None) -> None:
    with open_url(address, {"Range": f"bytes={start}-{end - 1}"}) as response:
        if response.status != 206:
            raise ValueError("the index stopped answering range requests")
        file.seek(start)
        left = end - start
        while left > 0:
            chunk = response.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise OSError(f"the connection ended {left} bytes early")
            file.write(chunk)
            left -= len(chunk)
            if progress:
                progress.add(len(chunk))
    file.flush()


def _fetch_whole(wheel: Wheel, archive: Path) -> None:
    tags = wheel.file_name.removesuffix(".whl").split("-")
    target = ["--no-deps", "--only-binary=:all:", "--dest", str(archive.parent)]
    if tags[-1] != "any":
        target += [argument for tag in tags[-1].split(".") for argument in ("--platform", tag)]
        target += ["--python-version", "3.11", "--implementation", "cp", "--abi", tags[-2]]
    command = [sys.executable, "-m", "pip", "download", *target, f"{wheel.project}=={wheel.version}"]
    if subprocess.run(command).returncode != 0 or not archive.exists():
        raise SetupError(f"could not fetch {wheel.file_name}: is the network up and pip's index reachable?")


def _unpack(wheel: Wheel, wanted: Callable[[str], Path | None], archive: Path) -> list[Path]:
    written = []
    with zipfile.ZipFile(archive) as contents:
        record = contents.read(wheel.record_name)
        _check(wheel.record_name, hashlib.sha256(record).hexdigest(), wheel.record_sha256)
        sums = {row[0]: row[1] for row in csv.reader(io.StringIO(record.decode())) if len(row) > 1}
        for member in contents.infolist():
            target = wanted(member.filename)
            if target is None:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with contents.open(member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, CHUNK_BYTES)
            digest = hashlib.sha256()
            with target.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
            encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
            _check(member.filename, f"sha256={encoded}", sums.get(member.filename, "nothing: not in RECORD"))
            written.append(target)
    return written


def _check(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise SetupError(f"{name}: checksum is {found}, expected {expected}; the download is damaged or not what was pinned")
