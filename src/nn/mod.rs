//! Tensors: model families, weights, LoRA, devices. Knows nothing that talks.
