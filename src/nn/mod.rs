//! Tensors: model families, weights, LoRA, devices. Knows nothing that talks.

pub mod adapter;
pub mod bert;
pub mod cache;
pub mod compute;
pub mod config;
pub mod device;
pub mod error;
mod fingerprint;
pub mod inbox;
pub mod inspect;
pub mod keeper;
mod layer;
pub mod llama;
mod near;
pub mod rope;
pub mod source;
pub mod weights;

pub use bert::{Bert, BertConfig, BertInput};
pub use cache::KvCache;
pub use config::{LlamaConfig, RopeScaling};
pub use device::{DeviceChoice, Number, Placement};
pub use error::NnError;
pub use fingerprint::fingerprint;
pub use inspect::{Candidate, InspectRequest, Inspection, inspect};
pub use llama::Llama;
pub use near::near_rows;
pub use source::LoadOptions;
