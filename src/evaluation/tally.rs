//! How often each value comes.

use std::collections::BTreeMap;

/// The values in order, each with how often it came.
pub(super) fn tally<K: Ord>(values: impl IntoIterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
    counts
}
