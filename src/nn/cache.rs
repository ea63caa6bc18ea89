//! Keys and values of the tokens read so far: one buffer per layer, allocated once and written in place.

use tch::{Device, Kind, Tensor};

use super::config::LlamaConfig;

/// Keys and values of one batch whose rows have the same length. Memory: `layers × 2 × batch × kv_heads × capacity ×
/// head_dim` numbers, taken at once.
#[derive(Debug)]
pub struct KvCache {
    /// Per layer, `[batch, kv_heads, capacity, head_dim]` each.
    layers: Vec<(Tensor, Tensor)>,
    len: i64,
    capacity: i64,
}

impl KvCache {
    /// An empty cache for `batch` rows of at most `capacity` tokens.
    pub fn new(config: &LlamaConfig, batch: i64, capacity: i64, dtype: Kind, device: Device) -> Self {
        let size = [batch, config.num_key_value_heads, capacity, config.head_dim];
        let buffer = || Tensor::empty(size, (dtype, device));
        let layers = (0..config.num_hidden_layers).map(|_| (buffer(), buffer())).collect();
        Self { layers, len: 0, capacity }
    }

    /// Tokens held.
    pub fn len(&self) -> i64 {
        self.len
    }

    /// Nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Most tokens it can hold.
    pub fn capacity(&self) -> i64 {
        self.capacity
    }

    /// Forgets the tokens from `len` on; does nothing if there are none.
    pub fn truncate(&mut self, len: i64) {
        self.len = self.len.min(len.max(0));
    }

    /// Writes one layer's new keys and values, `[batch, kv_heads, tokens, head_dim]`, behind what is held, and gives
    /// everything so far as views `[batch, kv_heads, len + tokens, head_dim]`. [`Self::advance`] makes it count.
    ///
    /// # Panics
    /// When the tokens do not fit: the caller admits no more than the capacity.
    pub(super) fn write(&mut self, layer: usize, keys: &Tensor, values: &Tensor) -> (Tensor, Tensor) {
        let tokens = keys.size()[2];
        let total = self.len + tokens;
        assert!(total <= self.capacity, "a cache of {} tokens was given {total}", self.capacity);
        let (k, v) = &self.layers[layer];
        k.narrow(2, self.len, tokens).copy_(keys);
        v.narrow(2, self.len, tokens).copy_(values);
        (k.narrow(2, 0, total), v.narrow(2, 0, total))
    }

    /// Counts `tokens` that every layer has written.
    pub(super) fn advance(&mut self, tokens: i64) {
        self.len += tokens;
    }
}
