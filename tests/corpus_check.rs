//! `kindred corpus check`: a whole corpus passes, and each fault is named where it is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod checked;

use std::path::Path;
use std::sync::Arc;

use checked::corpus::{Change, World, dialogue, run, talk, world, write};
use checked::{Hashed, kindred, named, text};
use kindred::dialogue::Speaker;
use kindred::encoder::KeptEmbeddings;
use kindred::evaluation::corpus::{Corpus, Scope, check, check_meaning};
use kindred::evaluation::embedded::Embeddings;
use kindred::persona::Bank;
use serde_json::json;

#[test]
fn a_whole_corpus_passes_and_quotas_are_asked_for_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let places = write(dir.path(), &world());
    let out = run(&["check", "--quick"], &places);
    let said = text(&out.stdout);
    assert!(out.status.success() && said.contains("no fault"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80) && !said.contains('\u{1b}'), "{said}");
    let out = run(&["check", "--quick", "--quotas"], &places);
    let said = text(&out.stdout);
    assert!(out.status.code() == Some(1) && said.contains("fault  dialogues: 2; expected 1,200 and more"), "{said}");
    assert!(said.contains("1 Bo Fry") && said.contains("no INTJ in train"), "{said}");
    for quota in [
        "a memory is used: 20.0 %",
        "seekers with many supporters: 0",
        "talks that go roughly: 0.0 % of 2 rated below 3.2; expected 20 to 35 %",
        "characters of train, valid and test: 2, 0, 2 of 4",
        "pairs of the test split: 1",
        "plain talks: 2",
        "messages about safety: 3 of 1 labels",
        "messages that only sound like danger: 3",
        "replies about safety: 3 of 1 labels",
        "characters with facts: 2",
        "of them of the test split: 1",
        "rows of relevance, half of them yes: 48",
        "rows of inference, a third of each label: 36",
    ] {
        assert!(said.contains(&format!("fault  {quota}")), "{quota}: {said}");
    }
}

/// Faults that cannot but spoil something else: somebody unknown is in no split, a talk that lacks its first turn is shorter,
/// whoever is not introduced is not known below. Every other fault is found by its own check alone.
const ALSO: [(&str, &str); 3] = [
    ("nobody of the bank", "goes across splits"),
    ("the supporter begins", "utterances of a dialogue"),
    ("a person without memories", "plain supporters and their memories"),
];

#[test]
fn each_fault_is_named_where_it_is() {
    let faults: &[(&str, Change, &str, &str)] = &[
        (
            "facts of nobody",
            |world| world.facts[0]["character"] = json!(9),
            "facts are of memories of the bank",
            "f.jsonl:1: character 9 is not in the bank",
        ),
        (
            "facts of no memory",
            |world| world.facts[0]["aspect"] = json!("dream"),
            "facts are of memories of the bank",
            "has no memory \"dream\"",
        ),
        (
            "facts of one memory twice",
            |world| world.facts[1]["aspect"] = json!("hobby"),
            "no memory has two groups",
            "f.jsonl:2: \"hobby\" of character 0 stands already in f.jsonl:1",
        ),
        (
            "a name within a word",
            |world| world.facts[2]["statements"][0] = json!("This Cyprus hobby is very Gillish and very old."),
            "facts name the character",
            "f.jsonl:3: no part of \"Cy Gill\"",
        ),
        (
            "a fact of nobody in particular",
            |world| world.facts[1]["statements"][2] = json!("The hobby of this person is very old."),
            "facts name the character",
            "f.jsonl:2: no part of",
        ),
        (
            "a reply of two words",
            |world| world.facts[1]["replies"][0] = json!("Not me."),
            "facts name the character",
            "reply of 2 words",
        ),
        (
            "one reply for two",
            |world| world.facts[1]["replies"][0] = world.facts[0]["replies"][0].clone(),
            "no fact, query or reply stands twice",
            "f.jsonl:2: stands already in f.jsonl:1",
        ),
        (
            "no dialogue",
            |world| world.dialogues[1] = json!({"index": 1}),
            "every line is a dialogue",
            "a.jsonl:2: missing field",
        ),
        (
            "an unknown strategy",
            |world| world.dialogues[1]["dial"][1]["strategy"] = json!("Hope"),
            "every line is a dialogue",
            "Hope",
        ),
        (
            "an index comes twice",
            |world| world.dialogues[1]["index"] = json!(0),
            "indices",
            "a.jsonl:2: 0 stands already in a.jsonl:1",
        ),
        (
            "a pair talks twice",
            |world| world.dialogues[1] = dialogue(1, 0, 1),
            "no two people talk twice",
            "a.jsonl:2: 0 with 1",
        ),
        (
            "nobody of the bank",
            |world| world.dialogues[1] = dialogue(1, 2, 9),
            "two different characters",
            "supporter 9 is not in the bank",
        ),
        (
            "talks to itself",
            |world| world.dialogues[1] = dialogue(1, 2, 2),
            "two different characters",
            "2 talks to itself",
        ),
        (
            "a turn is numbered wrong",
            |world| world.dialogues[0]["dial"][4]["turn"] = json!(7),
            "turns from 0",
            "dialogue 0: turn 4 is numbered 7",
        ),
        (
            "the supporter begins",
            |world| drop(world.dialogues[0]["dial"].as_array_mut().unwrap().remove(0)),
            "turns from 0",
            "dialogue 0: turn 0 is numbered 1",
        ),
        (
            "a short talk",
            |world| world.dialogues[0]["dial"].as_array_mut().unwrap().truncate(6),
            "utterances of a dialogue",
            "dialogue 0: 6 utterances",
        ),
        (
            "a short utterance",
            |world| world.dialogues[0]["dial"][2]["utterance"] = json!("No."),
            "words of an utterance",
            "dialogue 0, turn 2: 1 words",
        ),
        (
            "no mood",
            |world| drop(world.dialogues[0]["dial"][2].as_object_mut().unwrap().remove("mood")),
            "moods, emotions",
            "turn 2: no mood",
        ),
        (
            "a mood too high",
            |world| world.dialogues[0]["dial"][2]["mood"] = json!(6),
            "moods, emotions",
            "turn 2: mood 6",
        ),
        (
            "an emotion of a supporter",
            |world| world.dialogues[0]["dial"][1]["emotion"] = json!("joy"),
            "moods, emotions",
            "turn 1: an emotion of a supporter",
        ),
        (
            "no strategy",
            |world| drop(world.dialogues[0]["dial"][1].as_object_mut().unwrap().remove("strategy")),
            "moods, emotions",
            "turn 1: no strategy",
        ),
        (
            "a memory nobody has",
            |world| world.dialogues[0]["dial"][3]["choose_info"]["aspect"] = json!("dream"),
            "memories are the speaker's own",
            "turn 3: the supporter has no memory \"dream\"",
        ),
        (
            "a tone for a memory",
            |world| world.dialogues[0]["dial"][3]["choose_info"]["aspect"] = json!("tone"),
            "memories are the speaker's own",
            "turn 3: the supporter has no memory \"tone\"",
        ),
        (
            "a supporter's worry",
            |world| world.dialogues[0]["dial"][3]["choose_info"]["aspect"] = json!("recent_worry_or_anxiety"),
            "memories are the speaker's own",
            "turn 3: the supporter's own worry",
        ),
        (
            "a rating of nought",
            |world| world.dialogues[0]["rating"]["solved"] = json!(0),
            "ratings in their range",
            "rating solved is 0",
        ),
        (
            "no reason",
            |world| world.dialogues[0]["rating"]["reason"] = json!(""),
            "ratings in their range",
            "no reason",
        ),
        (
            "an address",
            |world| world.dialogues[0]["rating"]["reason"] = json!("Write to ada@example.org."),
            "no telephone",
            "reason: an e-mail address",
        ),
        (
            "a dialogue across splits",
            |world| world.dialogues[1] = dialogue(1, 2, 1),
            "goes across splits",
            "2 is in test, 1 in train",
        ),
        (
            "somebody in two splits",
            |world| world.splits["test"] = json!([0, 2, 3]),
            "splits",
            "character 0 is in train and again in test",
        ),
        (
            "a split names nobody",
            |world| world.splits["valid"] = json!([77]),
            "splits name characters",
            "77 is not in the bank",
        ),
        (
            "an unknown label",
            |world| world.messages[1]["label"] = json!("sad"),
            "messages are labelled",
            "messages.jsonl:2: unknown label \"sad\"",
        ),
        (
            "a message twice",
            |world| world.messages[2]["text"] = json!("message  number 0."),
            "no message stands twice",
            "messages.jsonl:3",
        ),
        (
            "a reply twice",
            |world| world.replies[2]["text"] = json!("Reply number 1."),
            "no reply stands twice",
            "replies.jsonl:3",
        ),
        (
            "a talk that breaks off",
            |world| world.plain[0]["dial"][1][2] = json!("Then come in and"),
            "plain talks are whole",
            "p.jsonl:1: ends in the middle",
        ),
        (
            "a talk of two lines that is none",
            |world| drop(world.plain[0].as_object_mut().unwrap().remove("dial")),
            "every plain line is a talk or a person",
            "p.jsonl:1: expected a talk, {topic, seeker, supporter, dial",
        ),
        (
            "a person without memories",
            |world| drop(world.plain[1].as_object_mut().unwrap().remove("memories")),
            "every plain line is a talk or a person",
            "p.jsonl:2: expected a person, {person, statement, memories",
        ),
        (
            "a plain memory nobody has",
            |world| world.plain[2]["dial"][1][1] = json!("dream"),
            "plain supporters and their memories",
            "p.jsonl:3: expected a memory of Ida, found \"dream\"",
        ),
        (
            "a supporter nobody knows",
            |world| world.plain[2]["supporter"] = json!("Eda"),
            "plain supporters and their memories",
            "p.jsonl:3: the supporter's statement begins \"Eda\"",
        ),
        (
            "a statement of somebody else",
            |world| world.plain[0]["supporter"] = json!("She is Di."),
            "plain supporters and their memories",
            "p.jsonl:1: the supporter's statement begins \"She is D\"",
        ),
        ("an empty message", |world| world.messages[0]["text"] = json!(" "), "no message is empty", "messages.jsonl:1"),
        ("an empty reply", |world| world.replies[1]["text"] = json!("…"), "no reply is empty", "replies.jsonl:2"),
        (
            "a talk nobody leads",
            |world| world.plain[0]["dial"][0][0] = json!("supporter"),
            "plain talks are whole",
            "p.jsonl:1: the supporter begins",
        ),
    ];
    let mut others = Vec::new();
    for (fault, change, what, place) in faults {
        let dir = tempfile::tempdir().unwrap();
        let mut spoilt = world();
        change(&mut spoilt);
        let (corpus, bank) = write(dir.path(), &spoilt);
        let corpus = Corpus::read(&corpus, Bank::load(&bank).unwrap()).unwrap();
        let findings = check(&corpus, Scope { quotas: false });
        assert!(named(&findings, what, place), "{fault}: expected {what:?} with {place:?} in {findings:#?}");
        let at_fault: Vec<String> =
            findings.iter().filter(|finding| !finding.holds).map(|finding| finding.what.to_string()).collect();
        let also: Vec<&str> = ALSO.iter().filter(|(of, _)| of == fault).map(|(_, also)| *also).collect();
        let expected = |found: &str| found.contains(what) || also.iter().any(|also| found.contains(also));
        if at_fault.len() != 1 + also.len() || !at_fault.iter().all(|found| expected(found)) {
            others.push(format!("{fault}: {at_fault:?}"));
        }
    }
    assert!(others.is_empty(), "faults that spoil more than they should, or less: {others:#?}");
}

#[test]
fn an_empty_utterance_among_hundreds_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world();
    world.splits = json!({"train": [0, 1, 2, 3], "valid": [], "test": []});
    let pairs = (0..4).flat_map(|seeker| (0..4).map(move |supporter| (seeker, supporter)));
    let talks = pairs.filter(|(seeker, supporter)| seeker != supporter).enumerate();
    world.dialogues = talks.map(|(at, (seeker, supporter))| talk(at, seeker, supporter, 20)).collect();
    world.dialogues[7]["dial"][11]["utterance"] = json!(" ");
    let (corpus, bank) = write(dir.path(), &world);
    let corpus = Corpus::read(&corpus, Bank::load(&bank).unwrap()).unwrap();
    let findings = check(&corpus, Scope { quotas: false });
    let said: usize = corpus.dialogues.iter().map(|talk| talk.dial.len()).sum();
    let faults: Vec<_> = findings.iter().filter(|finding| !finding.holds).collect();
    assert!(said == 240 && faults.len() == 1, "one of 240 is within the tolerance of lengths: {faults:?}");
    assert!(named(&findings, "no utterance is empty", "a.jsonl:8: dialogue 7, turn 11"), "{faults:?}");
}

#[test]
fn whole_plain_talks_may_end_in_any_mark() {
    let dir = tempfile::tempdir().unwrap();
    for end in ["I said “go.”", "I said ‘go.’", "Well…", "好。", "(Go on.)", "Go on. ", "'Go.'"] {
        let mut world = world();
        world.plain[0]["dial"][1][2] = json!(end);
        let (corpus, bank) = write(dir.path(), &world);
        let findings = check(&Corpus::read(&corpus, Bank::load(&bank).unwrap()).unwrap(), Scope { quotas: false });
        assert!(findings.iter().all(|finding| finding.holds), "{end}: {findings:?}");
    }
}

#[test]
fn a_stock_phrase_on_every_seventh_turn_is_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut corpus = Corpus::read(&root.join("corpus"), Bank::load(&root.join("bank")).unwrap()).unwrap();
    let turns = corpus.dialogues.rows.iter_mut().flat_map(|placed| &mut placed.row.dial);
    let supporters = turns.filter(|turn| turn.speaker == Speaker::Supporter);
    for turn in supporters.step_by(7) {
        turn.utterance.insert_str(0, "I am so sorry to hear that. ");
    }
    let findings = check(&corpus, Scope { quotas: false });
    assert!(named(&findings, "4-grams of the dialogues", "\"i am so sorry\""), "{findings:#?}");
}

#[test]
fn a_reply_that_stands_in_two_dialogues_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world();
    let find = |world: &World| {
        let (corpus, bank) = write(dir.path(), world);
        let corpus = Corpus::read(&corpus, Bank::load(&bank).unwrap()).unwrap();
        let kept = KeptEmbeddings::new(dir.path().join("kept"));
        let mut embeddings = Embeddings::new(Arc::new(Hashed), kept, Box::new(|_, _, _| ()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check_meaning(&corpus, &mut embeddings)).unwrap().remove(0)
    };
    assert!(find(&world).holds);
    // Within one dialogue somebody may come back to what was said.
    world.dialogues[0]["dial"][6]["utterance"] = world.dialogues[0]["dial"][2]["utterance"].clone();
    assert!(find(&world).holds);
    world.dialogues[1]["dial"][5]["utterance"] = world.dialogues[0]["dial"][4]["utterance"].clone();
    let found = find(&world);
    assert!(!found.holds && found.places.len() == 1, "{found:?}");
    assert!(found.places[0].starts_with("1.00, dialogue 0, turn 4") && found.places[0].contains("dialogue 1, turn 5"));
}

#[test]
fn the_corpus_that_ships_is_whole() {
    let out = kindred(&["corpus", "check", "--quick"]);
    assert!(out.status.success(), "{}", text(&out.stdout));
}
