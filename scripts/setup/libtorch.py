"""Finds or fetches libtorch 2.11.0: the folder that `LIBTORCH` should name.

Order: `LIBTORCH` if set; an installed PyTorch 2.11 if `LIBTORCH_USE_PYTORCH=1`; else the CPU part of the wheel
torch 2.11.0, in the user's cache. With a GPU the CUDA part comes beside it: the binary links the CPU part only and
opens libtorch_cuda.so at start. `KINDRED_CUDA=0` leaves it out.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from wheel import SetupError, Wheel, extract

VERSION = "2.11.0"
TORCH = Wheel(
    "torch", VERSION, f"torch-{VERSION}-cp311-cp311-manylinux_2_28_x86_64.whl",
    "86b11de9e81e378fe38d68644e581b98c138494d67197b94ba12eade2be836e7",
)
# libtorch_cpu.so loads only where these two libraries are found, whether or not there is a GPU.
CUDA_RUNTIME = Wheel(
    "nvidia-cuda-runtime", "13.0.96",
    "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "34c7a65651597fd8a376b049b69bb26db399a9ea443a7a142ccd34f5a10f79c4",
)
CUDA_CUPTI = Wheel(
    "nvidia-cuda-cupti", "13.0.85", "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
    "f8ae8ddce85f8e319abac90e956bf45a572e31f4ff01af2d634f37aa3d78e3eb",
)
TORCH_LIBRARIES = {"libc10.so", "libtorch_cpu.so", "libgomp.so.1"}


def libtorch(cache: Path) -> Path:
    """The folder with `include/` and `lib/`."""
    if named := os.environ.get("LIBTORCH"):
        folder = Path(named).resolve()
        if not (folder / "lib" / "libtorch_cpu.so").exists():
            raise SetupError(f"LIBTORCH={named} has no lib/libtorch_cpu.so: name the folder of a libtorch {VERSION}, or unset it")
        return folder
    if os.environ.get("LIBTORCH_USE_PYTORCH") == "1":
        return _installed_pytorch()
    folder = cache / f"libtorch-{VERSION}-cpu"
    if not (folder / "lib" / "libtorch_cpu.so").exists():
        _fetch(folder)
    if shutil.which("nvidia-smi") and os.environ.get("KINDRED_CUDA") != "0":
        _fetch_cuda(folder)
    return folder


def _installed_pytorch() -> Path:
    code = "import torch; print(torch.__version__); print(torch.__path__[0])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if found.returncode != 0:
        raise SetupError("LIBTORCH_USE_PYTORCH=1, but this Python has no PyTorch: pip install torch==2.11.0, or unset it")
    version, folder = found.stdout.split("\n")[:2]
    if not version.startswith("2.11."):
        raise SetupError(f"LIBTORCH_USE_PYTORCH=1, but the installed PyTorch is {version}: Kindred needs 2.11")
    return Path(folder)


def _fetch(folder: Path) -> None:
    print(f"Fetching libtorch {VERSION} for the CPU (about 135 MB, once; kept in {folder})", file=sys.stderr)
    part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        def from_torch(name: str) -> Path | None:
            if name.startswith("torch/include/") and not name.endswith("/"):
                return part / name.removeprefix("torch/")
            library = name.removeprefix("torch/lib/")
            return part / "lib" / library if library in TORCH_LIBRARIES else None

        def library(wanted: str):
            return lambda name: part / "lib" / wanted if name.endswith(f"/lib/{wanted}") else None

        extract(TORCH, from_torch, part)
        extract(CUDA_RUNTIME, library("libcudart.so.13"), part)
        extract(CUDA_CUPTI, library("libcupti.so.13"), part)
        (part / "lib" / "libtorch.so").symlink_to("libtorch_cpu.so")
        missing = (TORCH_LIBRARIES | {"libcudart.so.13", "libcupti.so.13"}) - {file.name for file in (part / "lib").iterdir()}
        if missing:
            raise SetupError(f"the wheels lack {', '.join(sorted(missing))}")
        # Another clone may have been quicker; what lacks the library is a ruin and makes room.
        if not (folder / "lib" / "libtorch_cpu.so").exists():
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fetch_cuda(folder: Path) -> None:
    """Puts the whole wheel with its CUDA packages, each checked against cuda.txt, where the binary looks for it.

    A failure is remembered, so that later set-ups do without the network; deleting the mark tries again.
    """
    target, failed = folder / "cuda", folder / "cuda.failed"
    if (target / "torch" / "lib" / "libtorch_cuda.so").exists():
        return
    if failed.exists():
        print(f"The CUDA part of libtorch could not be fetched; the CPU will be used. To try again, delete {failed}", file=sys.stderr)
        return
    print(f"A GPU is here: fetching the CUDA part of libtorch (about 2.5 GB, once; kept in {target}; KINDRED_CUDA=0 leaves it out)", file=sys.stderr)
    part = target.with_name(f"cuda.part-{os.getpid()}")
    wanted = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none"]
    command = [
        sys.executable, "-m", "pip", "install", "--target", str(part), "--only-binary=:all:", *wanted,
        "--no-deps", "--require-hashes", "--requirement", str(Path(__file__).with_name("cuda.txt")),
    ]
    try:
        if subprocess.run(command).returncode != 0:
            failed.touch()
            print(f"  that did not work; the CPU will be used. Delete {failed} and run `make setup` to try once more.", file=sys.stderr)
            return
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
