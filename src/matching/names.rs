//! Finds a character by index, name or type, and names the nearest ones when there is none.

use std::sync::Arc;

use crate::persona::{Bank, Character, Mbti};

/// How many nearest names are proposed.
const NEAREST: usize = 3;

/// Why no single character was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// Nobody has this index or name.
    #[error("there is no character {asked:?}; the nearest are {nearest}. `kindred bank list` shows all")]
    Nobody {
        /// What was asked for, cut to a readable length.
        asked: String,
        /// The nearest, as "Name (index)".
        nearest: String,
    },
    /// Several characters fit.
    #[error("{asked:?} fits {count} characters: {some}; give the index or the whole name")]
    Several {
        /// What was asked for, cut to a readable length.
        asked: String,
        /// How many fit.
        count: usize,
        /// The first of them.
        some: String,
    },
}

/// The character with this index or name, or the first of this MBTI type. A name is found in any case, in part if only
/// one fits.
///
/// # Errors
/// [`FindError`] with the nearest names.
pub fn find<'a>(bank: &'a Bank, asked: &str) -> Result<&'a Arc<Character>, FindError> {
    let wanted = asked.trim().to_lowercase();
    if let Some(character) = wanted.parse().ok().and_then(|index| bank.get(index)) {
        return Ok(character);
    }
    let of_type = |mbti: Mbti| bank.iter().find(|character| character.mbti == mbti);
    if let Some(character) = wanted.parse().ok().and_then(of_type) {
        return Ok(character);
    }
    let shown: String = asked.trim().chars().take(60).collect();
    let whole: Vec<_> = bank.iter().filter(|character| character.name().to_lowercase() == wanted).collect();
    let fitting = if whole.is_empty() && !wanted.is_empty() {
        bank.iter().filter(|character| character.name().to_lowercase().contains(&wanted)).collect()
    } else {
        whole
    };
    match fitting[..] {
        [] => Err(FindError::Nobody { asked: shown, nearest: listed(&nearest(bank, &wanted)) }),
        [character] => Ok(character),
        _ => Err(FindError::Several {
            asked: shown,
            count: fitting.len(),
            some: listed(&fitting[..fitting.len().min(NEAREST)]),
        }),
    }
}

fn listed(characters: &[&Arc<Character>]) -> String {
    let named: Vec<_> =
        characters.iter().map(|character| format!("{} ({})", character.name(), character.index)).collect();
    named.join(", ")
}

/// The characters whose name, or a word of it, is the fewest edits away; for a number, the nearest indices.
fn nearest<'a>(bank: &'a Bank, wanted: &str) -> Vec<&'a Arc<Character>> {
    // What is longer than any name can not be near one; cut, so that a huge argument costs nothing.
    let wanted: Vec<char> = wanted.chars().take(60).collect();
    let number: Option<u32> = wanted.iter().collect::<String>().parse().ok();
    let mut ranked: Vec<(usize, &Arc<Character>)> = bank
        .iter()
        .map(|character| {
            let distance = match number {
                Some(number) => number.abs_diff(character.index) as usize,
                None => {
                    let name = character.name().to_lowercase();
                    let parts = name.split_whitespace().chain([name.as_str()]);
                    parts.map(|part| edits(&wanted, part)).min().unwrap_or(usize::MAX)
                }
            };
            (distance, character)
        })
        .collect();
    ranked.sort_by_key(|(distance, character)| (*distance, character.index));
    ranked.into_iter().take(NEAREST).map(|(_, character)| character).collect()
}

/// Levenshtein distance.
fn edits(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, cb) in b.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, ca) in a.iter().enumerate() {
            let substituted = diagonal + usize::from(*ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[a.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::{Mbti, Profile};

    fn bank() -> Bank {
        let character = |index, mbti: &str, name: &str| {
            Arc::new(Character {
                index,
                mbti: mbti.parse::<Mbti>().unwrap(),
                profile: Profile { name: name.into(), ..Profile::default() },
                seeker_statement: String::new(),
                supporter_statement: String::new(),
                profile_trans: serde_json::Map::new(),
            })
        };
        Bank::new(vec![
            character(0, "INFJ", "Ada Berg"),
            character(4, "ENTP", "Soo-ah Baek"),
            character(9, "ENTP", "Adam Noh"),
        ])
    }

    #[test]
    fn finds_by_index_whole_name_unique_part_and_type() {
        let bank = bank();
        assert_eq!(find(&bank, " 4 ").unwrap().name(), "Soo-ah Baek");
        assert_eq!(find(&bank, "ADAM NOH").unwrap().index, 9);
        assert_eq!(find(&bank, "baek").unwrap().index, 4);
        assert_eq!(find(&bank, "entp").unwrap().index, 4);
        assert!(find(&bank, "ISTP").is_err());
        assert!(matches!(find(&bank, "ada"), Err(FindError::Several { count: 2, .. })));
    }

    #[test]
    fn proposes_the_nearest() {
        let message = find(&bank(), "Soo-ha").unwrap_err().to_string();
        assert!(message.contains("nearest are Soo-ah Baek (4)"), "{message}");
        let message = find(&bank(), "8").unwrap_err().to_string();
        assert!(message.contains("nearest are Adam Noh (9)"), "{message}");
        assert!(find(&bank(), "").is_err());
        assert!(find(&bank(), &"x".repeat(1 << 20)).unwrap_err().to_string().len() < 400);
    }
}
