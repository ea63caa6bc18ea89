//! Tensors: model families, weights, LoRA, devices. Knows nothing that talks.

pub mod cache;
pub mod config;
pub mod device;
pub mod error;
pub mod llama;
pub mod rope;
pub mod weights;

pub use cache::KvCache;
pub use config::{LlamaConfig, RopeScaling};
pub use device::{DeviceChoice, Placement};
pub use error::NnError;
pub use llama::{Llama, LoadOptions};
