//! The conversations that ship: whole, in turn, and true to what their README says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::path::Path;

use kindred::dialogue::Speaker;
use kindred::training::corpus::{Content, Conversation, Corpus, Places, Source, text};

fn talks(source: Source) -> Vec<Conversation> {
    let at = |name: &str| Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let places = Places {
        data: None,
        dialogues: at("corpus/dialogues"),
        plain: at("corpus/plain"),
        bank: at("bank"),
        splits: None,
    };
    let documents = Corpus::read(&places).unwrap().documents.into_iter();
    documents
        .filter(|document| document.source == source)
        .map(|document| match document.content {
            Content::Conversation(talk) => talk,
            Content::Passage(text) => panic!("expected a conversation, found {text}"),
        })
        .collect()
}

#[test]
fn speakers_take_turns() {
    for (source, least) in [(Source::Authored, 160), (Source::Plain, 4_100)] {
        let talks = talks(source);
        assert!(talks.len() >= least, "{source:?}: {}", talks.len());
        for talk in talks {
            assert!(talk.turns.len() >= 2, "{talk:?}");
            assert!(talk.turns.windows(2).all(|pair| pair[0].speaker != pair[1].speaker), "{talk:?}");
            assert!(talk.turns.iter().all(|turn| text::words(&turn.text) > 0), "{talk:?}");
        }
    }
}

#[test]
fn plain_talks_begin_with_the_seeker_and_end_in_a_whole_sentence() {
    for talk in talks(Source::Plain) {
        let (first, last) = (talk.turns.first().unwrap(), talk.turns.last().unwrap());
        assert_eq!(first.speaker, Speaker::Seeker, "{talk:?}");
        assert!(talk.supporter_statement.starts_with("You are "), "{talk:?}");
        assert!(last.text.ends_with(['.', '!', '?', '"', '\'']), "{talk:?}");
    }
}

#[test]
fn a_memory_that_was_given_is_spoken_of() {
    let (mut given, mut spoken) = (0, 0);
    for turn in talks(Source::Plain).iter().flat_map(|talk| &talk.turns) {
        let Some(memory) = &turn.memory else { continue };
        given += 1;
        let of_it = text::content_words(&memory.content);
        spoken += usize::from(!text::content_words(&turn.text).is_disjoint(&of_it));
    }
    assert!(given > 5_000, "{given}");
    assert!(spoken as f64 >= 0.9 * given as f64, "{spoken} of {given}");
}

#[test]
fn nothing_is_said_again_and_again() {
    let mut said: HashMap<String, usize> = HashMap::new();
    for turn in talks(Source::Plain).into_iter().flat_map(|talk| talk.turns) {
        // "Thank you, Wambui." may come twice.
        if text::words(&turn.text) >= 8 {
            *said.entry(turn.text).or_default() += 1;
        }
    }
    let often: Vec<_> = said.iter().filter(|(_, count)| **count > 2).collect();
    assert!(often.is_empty(), "{often:?}");
}

#[derive(serde::Deserialize)]
struct Splits {
    train: Vec<u32>,
    valid: Vec<u32>,
    test: Vec<u32>,
}

/// Seeker and supporter of every rated dialogue, how many utterances it has, and how it was rated.
fn rated() -> Vec<(u32, u32, usize, f64)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/dialogues");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| u32::try_from(row[name].as_u64().unwrap()).unwrap();
        let rating = |name: &str| row["rating"][name].as_f64().unwrap();
        let mean = (rating("mood") + rating("solved") + rating("active")) / 3.0;
        (number("seeker"), number("supporter"), row["dial"].as_array().unwrap().len(), mean)
    };
    text.lines().map(row).collect()
}

#[test]
fn no_character_is_in_two_splits_and_no_dialogue_goes_across() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/splits.json")).unwrap();
    let splits: Splits = serde_json::from_str(&text).unwrap();
    let mut of: HashMap<u32, &str> = HashMap::new();
    for (name, split) in [("train", &splits.train), ("valid", &splits.valid), ("test", &splits.test)] {
        assert!(split.iter().all(|index| of.insert(*index, name).is_none()), "{name} shares somebody");
    }
    assert_eq!((of.len(), splits.valid.len(), splits.test.len()), (1024, 102, 102));
    let mut pairs: HashMap<&str, usize> = HashMap::new();
    for (seeker, supporter, ..) in rated() {
        assert_eq!(of[&seeker], of[&supporter], "{seeker} and {supporter}");
        *pairs.entry(of[&seeker]).or_default() += 1;
    }
    assert!(pairs["test"] >= 300, "{pairs:?}");
    let seekers: std::collections::HashSet<u32> = rated().iter().map(|(seeker, ..)| *seeker).collect();
    assert_eq!(seekers.len(), 1024, "everybody seeks at least once");
    let mut talks: HashMap<u32, usize> = HashMap::new();
    rated().iter().for_each(|(seeker, ..)| *talks.entry(*seeker).or_default() += 1);
    assert!(talks.values().filter(|count| **count >= 10).count() >= 20, "the spread within one seeker can be seen");
}

#[test]
fn dialogues_are_of_a_talks_length_and_do_not_all_go_well() {
    let rated = rated();
    assert!(rated.iter().all(|(.., utterances, _)| (10..=20).contains(utterances)));
    let badly = rated.iter().filter(|(.., mean)| *mean < 3.2).count() as f64 / rated.len() as f64;
    assert!((0.2..0.35).contains(&badly), "{badly}");
}
