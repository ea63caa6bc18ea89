//! The conversations that ship: whole, in turn, and true to what their README says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::path::Path;

use kindred::dialogue::Speaker;
use kindred::training::corpus::{Content, Conversation, Corpus, Places, Source, text};

fn talks(source: Source) -> Vec<Conversation> {
    let at = |name: &str| Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let places = Places { data: None, dialogues: at("corpus/dialogues"), plain: at("corpus/plain"), bank: at("bank") };
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
