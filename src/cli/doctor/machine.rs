//! The machine: which libtorch was found, and which device the models would run on.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::cli::config::{Device, Settled};
use crate::nn::Placement;

/// The part of libtorch that the binary links.
const LIBRARY: &str = "libtorch_cpu.so";
/// Where libtorch's own header says its version, beside `lib/`.
const HEADER: &str = "include/torch/headeronly/version.h";
/// The driver's own file on Linux: no NVIDIA device without it.
const DRIVER_FILE: &str = "/dev/nvidiactl";

/// Which libtorch runs here.
pub(super) fn libtorch() -> Finding {
    let Some(library) = loaded() else {
        return Finding::ok("libtorch", "loaded, from where the system does not say");
    };
    let version = library.parent().and_then(Path::parent).and_then(version).unwrap_or_else(|| "version unknown".into());
    Finding::ok("libtorch", format!("{version}, {}", library.display()))
}

/// The library's file, as the system has it in memory.
fn loaded() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with(LIBRARY))?;
    line.find('/').map(|at| PathBuf::from(&line[at..]))
}

fn version(folder: &Path) -> Option<String> {
    let header = std::fs::read_to_string(folder.join(HEADER)).ok()?;
    let part = |name: &str| {
        let name = format!("#define TORCH_VERSION_{name} ");
        header.lines().find_map(|line| line.strip_prefix(&name)).map(str::trim)
    };
    Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
}

/// The device that is asked for, and the one that there is.
pub(super) fn device(settled: &Settled) -> Finding {
    let models = &settled.config.models;
    match Placement::choose(models.device.into()) {
        Err(error) => Finding::problem(
            "device",
            format!("{error} (models.device: {})", settled.origin("models.device")),
            "mend that, or let the CPU do it with --device auto",
        ),
        Ok(placement) => {
            let reason = placement.with_dtype(models.dtype.into()).reason;
            let idle = models.device == Device::Auto && Path::new(DRIVER_FILE).exists() && reason.starts_with("cpu");
            if idle {
                let advice = "`make setup` fetches the CUDA part of libtorch; --device cpu ends this warning";
                return Finding::warning("device", format!("{reason}, although an NVIDIA driver is here"), advice);
            }
            Finding::ok("device", reason)
        }
    }
}
