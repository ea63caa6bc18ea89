//! Where a model's tensors come from while it loads: a folder's weights with an adapter's change merged in.

use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::adapter::Adapter;
use super::device;
use super::error::NnError;
use super::weights::Weights;

/// How a model is loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where it runs.
    pub device: Device,
    /// Number type it computes in; `None` takes what is fastest there ([`device::best_kind`]).
    pub dtype: Option<Kind>,
    /// Folder of a PEFT LoRA adapter to merge into the weights.
    pub adapter: Option<PathBuf>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { device: Device::Cpu, dtype: None, adapter: None }
    }
}

/// Gives tensors by name, checked for shape, in the number type and on the device of the model.
#[derive(Debug)]
pub struct Source {
    weights: Weights,
    adapter: Option<Adapter>,
    kind: Kind,
    device: Device,
}

impl Source {
    /// Opens the weights of a Hugging Face folder.
    ///
    /// # Errors
    /// Those of [`Weights::open`] and [`Adapter::open`].
    pub fn open(folder: &Path, options: &LoadOptions) -> Result<Self, NnError> {
        let adapter = options.adapter.as_deref().map(Adapter::open).transpose()?;
        let kind = options.dtype.unwrap_or_else(|| device::best_kind(options.device));
        Ok(Self { weights: Weights::open(folder)?, adapter, kind, device: options.device })
    }

    /// Number type of the tensors it gives.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Device of the tensors it gives.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Whether the weights hold this name.
    pub fn contains(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// The shape of a stored tensor.
    pub fn shape(&self, name: &str) -> Option<Vec<i64>> {
        self.weights.shape(name)
    }

    /// Reads one tensor. The adapter's names are those of the file.
    ///
    /// # Errors
    /// Those of [`Weights::tensor`] and [`Adapter::apply`].
    pub fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor, NnError> {
        let Some(adapter) = &self.adapter else {
            return self.weights.tensor(name, shape, self.kind, self.device);
        };
        // Merged in float32, so that a bfloat16 weight is rounded once.
        let plain = self.weights.tensor(name, shape, Kind::Float, Device::Cpu)?;
        let merged = adapter.apply(name, plain)?;
        merged.f_to_device(self.device).and_then(|tensor| tensor.f_to_kind(self.kind)).map_err(NnError::torch(name))
    }

    /// Call when the model is built: an adapter with tensors to spare belongs to another model.
    ///
    /// # Errors
    /// [`NnError::StrayTensor`].
    pub fn finish(&self) -> Result<(), NnError> {
        self.adapter.as_ref().map_or(Ok(()), Adapter::finish)
    }
}
