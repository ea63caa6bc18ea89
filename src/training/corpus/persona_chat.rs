//! Synthetic-Persona-Chat (CSV: user 1 personas, user 2 personas, conversation).
//!
//! A user's sentences become its statement, in the second person; the sentence that a turn says most of becomes that
//! turn's memory, so that replies learn to use a memory that they are given.

use std::path::Path;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Content, Conversation, Document, Source, text};
use crate::dialogue::{Speaker, Turn};
use crate::persona::{Aspect, Memory};
use crate::training::TrainingError;

/// Talks shorter than this teach only greetings.
const FEWEST_TURNS: usize = 6;
/// Share of a memory's content words that a turn must say to count as using it.
const USED: f64 = 0.34;
/// Drawn names; the data set has none, while statements in the bank begin with one.
const NAMES: [&str; 24] = [
    "Ana", "Ben", "Carla", "Dan", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mina", "Noor",
    "Omar", "Petra", "Quinn", "Rosa", "Sam", "Tara", "Uma", "Viktor", "Wendy", "Yusuf",
];

pub(super) fn read(path: &Path) -> Result<Vec<Document>, TrainingError> {
    let mut reader =
        csv::ReaderBuilder::new().from_path(path).map_err(|error| TrainingError::row(path, 1, error.to_string()))?;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut out = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            TrainingError::row(path, line, error.to_string())
        })?;
        let line = row.position().map_or(0, csv::Position::line);
        let (Some(first), Some(second), Some(talk)) = (row.get(0), row.get(1), row.get(2)) else {
            return Err(TrainingError::row(path, line, format!("expected 3 fields, found {}", row.len())));
        };
        // Which of the two is in need is not in the data: drawn.
        let swapped = rng.random_bool(0.5);
        // Some talks hold notes between the turns ("[A few minutes later]"): what stands before them is kept.
        let turns: Vec<(Speaker, String)> = talk
            .lines()
            .filter(|said| !said.trim().is_empty())
            .map_while(|said| {
                let (is_first, rest) = match said.strip_prefix("User 1:") {
                    Some(rest) => (true, rest),
                    None => (false, said.strip_prefix("User 2:")?),
                };
                let speaker = if is_first == swapped { Speaker::Supporter } else { Speaker::Seeker };
                Some((speaker, rest.to_owned()))
            })
            .collect();
        let (seeker, supporter) = if swapped { (second, first) } else { (first, second) };
        let sides = [persona(seeker), persona(supporter)];
        let Some(turns) = tidy(&turns, &sides) else { continue };
        out.push(Document {
            source: Source::SyntheticPersonaChat,
            group: format!("persona {first}"),
            split: None,
            content: Content::Conversation(Conversation {
                seeker_statement: statement(&sides[0], &mut rng),
                supporter_statement: statement(&sides[1], &mut rng),
                turns,
            }),
        });
    }
    Ok(out)
}

fn persona(field: &str) -> Vec<String> {
    field.lines().filter_map(text::clean).map(|sentence| text::to_second_person(&sentence)).collect()
}

fn statement(persona: &[String], rng: &mut ChaCha8Rng) -> String {
    let mut out = String::new();
    if rng.random_bool(0.7) {
        let name = NAMES.choose(rng).unwrap_or(&NAMES[0]);
        let age = rng.random_range(18..75);
        out = match rng.random_range(0..3) {
            0 => format!("You are {name}, a {age}-year-old. "),
            1 => format!("You are {name}. You are {age} years old. "),
            _ => format!("You are {name}, {age} years old. "),
        };
    }
    out + &persona.join(" ")
}

/// The longest stretch of clean, alternating turns, without greetings and what follows the goodbye, each turn with the
/// memory it uses. Names left open ("[User 1's name]") are what mostly ends a stretch.
fn tidy(turns: &[(Speaker, String)], sides: &[Vec<String>; 2]) -> Option<Vec<Turn>> {
    let mut stretches: Vec<Vec<Turn>> = vec![Vec::new()];
    for (speaker, said) in turns {
        let said = text::clean(said);
        let last = stretches.last().and_then(|stretch| stretch.last());
        let ends = said.is_none() || last.is_some_and(|last| last.speaker == *speaker || is_goodbye(&last.text));
        if ends {
            stretches.push(Vec::new());
        }
        let (Some(said), Some(stretch)) = (said, stretches.last_mut()) else { continue };
        if stretch.is_empty() && is_greeting(&said) {
            continue;
        }
        let side = &sides[usize::from(*speaker == Speaker::Supporter)];
        let memory = used(&said, side)
            .map(|content| Memory { aspect: Aspect::AdditionalInformation, content: content.to_owned() });
        stretch.push(Turn { memory, ..Turn::new(*speaker, said) });
    }
    stretches.into_iter().max_by_key(Vec::len).filter(|turns| turns.len() >= FEWEST_TURNS)
}

fn is_greeting(said: &str) -> bool {
    let low = said.to_ascii_lowercase();
    text::words(said) <= 8 && ["hi", "hello", "hey", "good"].iter().any(|word| low.starts_with(word))
        || low.starts_with("i'm doing")
        || low.starts_with("i'm good")
        || low.starts_with("i am good")
}

fn is_goodbye(said: &str) -> bool {
    let low = said.to_ascii_lowercase();
    [
        "nice talking to you",
        "nice chatting",
        "great talking",
        "have a nice day",
        "have a great day",
        "have a good day",
        "bye",
    ]
    .iter()
    .any(|words| low.contains(words))
}

/// The sentence of the persona that a turn says most of, if it says enough.
fn used<'a>(said: &str, persona: &'a [String]) -> Option<&'a str> {
    let said = text::content_words(said);
    persona
        .iter()
        .filter_map(|sentence| {
            let sentence_words = text::content_words(sentence);
            let shared = sentence_words.intersection(&said).count();
            let share = shared as f64 / sentence_words.len().max(1) as f64;
            (shared > 0 && share >= USED).then_some((share, sentence.as_str()))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, sentence)| sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_row(talk: &str) -> Vec<Document> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("valid.csv");
        let row = format!("a,b,c\n\"I sail on the lake.\nI have two cats.\",I am a cook.,\"{talk}\"\n");
        std::fs::write(&path, row).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn a_persona_becomes_statement_and_memory() {
        let documents = read_row(
            "User 1: Hello!\nUser 2: Hi!\nUser 1: I went sailing on the lake today.\nUser 2: Was it windy?\n\
             User 1: A bit.\nUser 2: I cook at a small place.\nUser 1: Nice one.\nUser 2: Come by some time.\n\
             User 1: It was nice talking to you!\nUser 2: Bye!",
        );
        let [Document { content: Content::Conversation(talk), .. }] = documents.as_slice() else {
            panic!("{documents:?}")
        };
        assert_eq!(talk.turns.len(), 7, "greetings and what follows the goodbye are dropped: {:?}", talk.turns);
        let first = &talk.turns[0];
        assert_eq!(first.text, "I went sailing on the lake today.");
        assert_eq!(first.memory.as_ref().unwrap().content, "You sail on the lake.");
        assert!(talk.statement(first.speaker).ends_with("You sail on the lake. You have two cats."));
        assert_eq!(talk.turns[1].memory, None);
        assert_eq!(talk.turns[3].memory.as_ref().unwrap().content, "You are a cook.");
    }

    #[test]
    fn a_turn_that_cannot_be_said_ends_a_stretch() {
        let lines: Vec<String> = (0..6).map(|at| format!("User {}: Line number {at}.", at % 2 + 1)).collect();
        let documents = read_row(&format!("User 2: My name is [User 2's name].\n{}\n[Later]", lines.join("\n")));
        let [Document { content: Content::Conversation(talk), .. }] = documents.as_slice() else {
            panic!("{documents:?}")
        };
        assert_eq!(talk.turns[0].text, "Line number 0.");
        assert!(read_row("User 1: Only this.").is_empty());
    }
}
