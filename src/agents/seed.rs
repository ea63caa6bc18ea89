//! Seeds by hashing: what a seed is for decides it, never when it is asked for.

use sha2::{Digest as _, Sha256};

/// A seed for one purpose, derived from numbers such as (seed of the run, dialogue, turn, attempt).
///
/// The first eight bytes of SHA-256 over the purpose and the numbers, each with its length or width fixed, so that no
/// two lists of parts read alike.
pub fn derive(purpose: &str, parts: &[u64]) -> u64 {
    let mut hash = Sha256::new();
    hash.update((purpose.len() as u64).to_le_bytes());
    hash.update(purpose);
    for part in parts {
        hash.update(part.to_le_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_and_order_matter() {
        assert_eq!(derive("turn", &[1, 2]), derive("turn", &[1, 2]));
        assert_ne!(derive("turn", &[1, 2]), derive("turn", &[2, 1]));
        assert_ne!(derive("turn", &[1, 2]), derive("coin", &[1, 2]));
    }
}
