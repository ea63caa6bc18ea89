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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::persona::Character;

    #[test]
    fn the_first_who_is_another() {
        let row = |index: u32| -> Arc<Character> {
            let row = serde_json::json!({
                "index": index, "mbti": "INTJ", "profile": {"name": "N"}, "profile_trans": {},
                "seeker_statement": "", "supporter_statement": "",
            });
            Arc::new(serde_json::from_value(row).unwrap())
        };
        let bank = Bank::new(vec![row(3), row(5)]);
        assert_eq!([Some(3), Some(5), None].map(|not| first_but(&bank, not)), [5, 3, 3]);
        assert_eq!(first_but(&Bank::new(vec![row(3)]), Some(3)), 3);
    }
}
