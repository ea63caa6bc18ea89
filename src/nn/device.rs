//! Which device and number type a model runs in, and why; loads the CUDA part of libtorch when it is wanted.

use std::path::PathBuf;
use std::sync::OnceLock;

use tch::{Cuda, Device, Kind};

use super::error::NnError;

/// The part of libtorch that the binary does not link, so that one binary serves both.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";
/// The driver's own file on Linux: no NVIDIA device without it.
const DRIVER_FILE: &str = "/dev/nvidiactl";

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A GPU if one can be used, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, or an error.
    Cuda,
}

/// Where a model runs, in which numbers, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The device.
    pub device: Device,
    /// The number type that is fastest there.
    pub kind: Kind,
    /// One line for people, such as `cpu (no CUDA driver), float32 (the processor has no bfloat16 products)`.
    pub reason: String,
}

impl Placement {
    /// Settles the device. Ask here before any other CUDA question: libtorch remembers its first answer.
    ///
    /// # Errors
    /// [`NnError::Device`] when a GPU is asked for by name and cannot be used.
    pub fn choose(choice: DeviceChoice) -> Result<Self, NnError> {
        let (device, why) = match choice {
            DeviceChoice::Cpu => (Device::Cpu, "asked for"),
            DeviceChoice::Cuda | DeviceChoice::Auto => match cuda() {
                Ok(()) => (Device::Cuda(0), "a CUDA device is present"),
                Err(found) if choice == DeviceChoice::Cuda => {
                    return Err(NnError::Device {
                        asked: "cuda".into(),
                        expected: "an NVIDIA GPU with its driver, and libtorch_cuda.so beside libtorch",
                        found: found.clone(),
                    });
                }
                Err(found) => (Device::Cpu, found.as_str()),
            },
        };
        let kind = best_kind(device);
        let numbers = match (device, kind) {
            (Device::Cuda(_), _) => "a GPU's fastest",
            (_, Kind::BFloat16) => "the processor multiplies bfloat16",
            _ => "the processor has no bfloat16 products",
        };
        let reason = format!("{} ({why}), {} ({numbers})", device_name(device), kind_name(kind));
        Ok(Self { device, kind, reason })
    }
}

/// The fastest number type of a device: bfloat16 on a GPU and on a CPU with AVX512-BF16 or AMX, else float32.
pub fn best_kind(device: Device) -> Kind {
    if device != Device::Cpu || cpu_has_bf16() { Kind::BFloat16 } else { Kind::Float }
}

/// `float32`, `bfloat16`, `float16` or `float64`, as Hugging Face writes them.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Float => "float32",
        Kind::BFloat16 => "bfloat16",
        Kind::Half => "float16",
        Kind::Double => "float64",
        _ => "other",
    }
}

/// `cpu` or `cuda:0`.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".into(),
        Device::Cuda(number) => format!("cuda:{number}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Whether bfloat16 products run in hardware here.
#[cfg(target_arch = "x86_64")]
fn cpu_has_bf16() -> bool {
    // AMX has no stable detection in std; every processor with AMX-BF16 has AVX512-BF16 as well (Sapphire Rapids on).
    std::arch::is_x86_feature_detected!("avx512bf16")
}

/// Whether bfloat16 products run in hardware here.
#[cfg(not(target_arch = "x86_64"))]
fn cpu_has_bf16() -> bool {
    false
}

/// Makes CUDA usable once for the whole process; says why not otherwise.
fn cuda() -> &'static Result<(), String> {
    static CUDA: OnceLock<Result<(), String>> = OnceLock::new();
    CUDA.get_or_init(|| {
        // Loading the CUDA part takes seconds and hundreds of megabytes: not where no driver is.
        if !std::path::Path::new(DRIVER_FILE).exists() {
            return Err("no NVIDIA driver".into());
        }
        load_cuda_library()?;
        if Cuda::is_available() { Ok(()) } else { Err("libtorch sees no usable CUDA device".into()) }
    })
}

#[expect(unsafe_code, reason = "loading a library runs its initialisers")]
fn load_cuda_library() -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    let beside = std::env::var_os("LIBTORCH").map(|folder| PathBuf::from(folder).join("lib").join(CUDA_LIBRARY));
    let mut refused = String::new();
    for path in beside.into_iter().chain([PathBuf::from(CUDA_LIBRARY)]) {
        // SAFETY: this is libtorch's own library, which registers its kernels when it is loaded. GLOBAL, because the
        // linked part looks its symbols up by name; before the first CUDA question, because the answer is remembered.
        match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) } {
            Ok(library) => {
                // It must stay loaded as long as the process: its kernels are registered by address.
                std::mem::forget(library);
                return Ok(());
            }
            Err(error) => refused = format!("{CUDA_LIBRARY} cannot be loaded: {error}"),
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_can_always_be_asked_for_and_says_why() {
        let placement = Placement::choose(DeviceChoice::Cpu).unwrap();
        assert_eq!(placement.device, Device::Cpu);
        assert!(placement.reason.starts_with("cpu (asked for), "), "{}", placement.reason);
        assert!(placement.reason.contains(kind_name(placement.kind)));
    }
}
