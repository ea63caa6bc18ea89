//! Chooses a character where nobody named one.

use anyhow::Context as _;

use crate::agents::Kindred;
use crate::persona::Bank;

/// Who fits this text best.
pub(super) async fn matched(kindred: &Kindred, about: &str) -> anyhow::Result<u32> {
    let best = kindred.matches(about, 1).await?.into_iter().next();
    best.map(|found| found.character.index).context("the bank is empty")
}

/// The first character of the bank that is not this one (or is, where there is no other).
pub(super) fn first_but(bank: &Bank, not: Option<u32>) -> u32 {
    let others = || bank.iter().map(|character| character.index);
    others().find(|&index| Some(index) != not).or_else(|| others().next()).unwrap_or_default()
}
