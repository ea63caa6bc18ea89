//! Finds the character that somebody means.

use anyhow::{Context as _, bail};

use crate::agents::Kindred;
use crate::persona::{Bank, Mbti};

/// The most names an answer lists.
const SHOWN: usize = 5;

/// The character with this index, name, part of a name, or MBTI type (then the first of it).
///
/// # Errors
/// Nobody is meant, or more than one.
pub(super) fn character(bank: &Bank, who: &str) -> anyhow::Result<u32> {
    let who = who.trim();
    if let Ok(index) = who.parse::<u32>() {
        let found = bank.get(index).map(|character| character.index);
        return found.with_context(|| format!("there is no character {index}; `kindred bank list` shows who there is"));
    }
    if let Ok(mbti) = who.parse::<Mbti>() {
        let found = bank.iter().find(|character| character.mbti == mbti).map(|character| character.index);
        return found.with_context(|| format!("the bank holds no {mbti}; `kindred bank list` shows who there is"));
    }
    let wanted = who.to_lowercase();
    if let Some(exact) = bank.iter().find(|character| character.name().to_lowercase() == wanted) {
        return Ok(exact.index);
    }
    let near: Vec<_> = bank
        .iter()
        .filter(|character| !wanted.is_empty() && character.name().to_lowercase().contains(&wanted))
        .collect();
    match near.as_slice() {
        [one] => Ok(one.index),
        [] => {
            let shown: String = who.chars().take(40).collect();
            bail!("nobody in the bank is called {shown:?}; `kindred bank list` shows who there is")
        }
        several => {
            let names: Vec<String> =
                several.iter().take(SHOWN).map(|c| format!("{} ({})", c.name(), c.index)).collect();
            let more = if several.len() > SHOWN { ", …" } else { "" };
            bail!("{who:?} may be {}{more}; name the index", names.join(", "))
        }
    }
}

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

    fn bank() -> Bank {
        let row = |index: u32, mbti: &str, name: &str| -> Arc<Character> {
            let row = serde_json::json!({
                "index": index, "mbti": mbti, "profile": {"name": name}, "profile_trans": {},
                "seeker_statement": "", "supporter_statement": "",
            });
            Arc::new(serde_json::from_value(row).unwrap())
        };
        Bank::new(vec![row(3, "INTJ", "Ada Holm"), row(5, "ENFP", "Bo Holm"), row(9, "ENFP", "Éva Kis")])
    }

    #[test]
    fn index_type_name_and_part_of_a_name() {
        let bank = bank();
        for (who, index) in [("9", 9), ("enfp", 5), ("ada holm", 3), ("éva", 9), (" Bo ", 5)] {
            assert_eq!(character(&bank, who).unwrap(), index, "{who}");
        }
        for (who, says) in [
            ("4", "no character 4"),
            ("ISTP", "no ISTP"),
            ("Zed", "nobody"),
            ("", "nobody"),
            ("holm", "Ada Holm (3), Bo Holm (5)"),
        ] {
            let error = character(&bank, who).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!((first_but(&bank, Some(3)), first_but(&bank, None)), (5, 3));
    }
}
