//! The conversations that ship, as training reads them. What their README says of them is held by `kindred corpus check`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

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
fn training_reads_every_talk() {
    let (authored, plain) = (talks(Source::Authored).len(), talks(Source::Plain).len());
    assert!(authored >= 1_200 && plain >= 4_100, "{authored} and {plain}");
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
