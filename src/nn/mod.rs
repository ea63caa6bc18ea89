//! Tensors: model families, weights, LoRA, devices. Knows nothing that talks.

pub mod adapter;
pub mod bert;
pub mod cache;
pub mod compute;
pub mod config;
pub mod device;
pub mod error;
pub mod inbox;
pub mod llama;
pub mod rope;
pub mod source;
pub mod weights;

pub use bert::{Bert, BertConfig, BertInput};
pub use cache::KvCache;
pub use config::{LlamaConfig, RopeScaling};
pub use device::{DeviceChoice, Placement};
pub use error::NnError;
pub use llama::Llama;
pub use source::LoadOptions;
