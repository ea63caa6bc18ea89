//! `kindred corpus stats` and `export`: what is told of a corpus is counted, what is exported is what was said.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod checked;

use checked::corpus::{Change, run, talk, world, write};
use checked::text;
use kindred::dialogue::{AuthoredDialogue, DialogueRow, RatingRow};
use kindred::evaluation::Rows;
use kindred::faithfulness::{NliRow, Passage, Relevance, RelevanceRow, StatementQueries};
use kindred::persona::Bank;
use kindred::training::corpus::{Content, Corpus as Read, Places};
use serde_json::{Value, json};

#[test]
fn moods_go_by_fifths_of_talks_of_any_length() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world();
    world.dialogues = vec![talk(0, 0, 1, 10), talk(1, 2, 3, 20)];
    for (talk, moods) in world.dialogues.iter_mut().zip([[0, 1, 2, 3, 4], [2, 3, 4, 5, 0]]) {
        let turns = talk["dial"].as_array_mut().unwrap();
        let count = turns.len();
        for (at, turn) in turns.iter_mut().enumerate().filter(|(at, _)| at % 2 == 0) {
            turn["mood"] = json!(moods[at * 5 / count]);
        }
    }
    let out = run(&["stats", "--json"], &write(dir.path(), &world));
    let said: Value = serde_json::from_slice(&out.stdout).unwrap();
    let charts = said["charts"].as_array().unwrap();
    let chart = charts.iter().find(|chart| chart["title"] == "Mean mood, by fifth of the talk").unwrap();
    let bars: Vec<(&str, f64)> = chart["bars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bar| (bar[0].as_str().unwrap(), bar[1].as_f64().unwrap()))
        .collect();
    let fifths = ["first fifth", "second fifth", "third fifth", "fourth fifth", "last fifth"];
    assert_eq!(bars, fifths.into_iter().zip([1.0, 2.0, 3.0, 4.0, 2.0]).collect::<Vec<_>>());
}

#[test]
fn stats_count_and_compare() {
    let dir = tempfile::tempdir().unwrap();
    let places = write(dir.path(), &world());
    let other = dir.path().join("valid.jsonl");
    std::fs::write(&other, r#"{"dialog": [{"text": "so so so so"}, {"text": "well well"}]}"#).unwrap();
    let out = run(&["stats", "--json", "--beside", other.to_str().unwrap()], &places);
    let said: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&said["dialogues"], &said["utterances"], &said["words"]), (&json!(2), &json!(20), &json!(160)));
    let beside = &said["beside"];
    assert_eq!((&beside["ours"]["words"], &beside["theirs"]["words"]), (&json!(6), &json!(6)), "equal lengths");
    assert_eq!(beside["theirs"]["distinct"][0], json!(2.0 / 6.0));
    assert_eq!(said["commonest_fours"], Value::Null, "160 words tell nothing of turns of phrase");
    assert_eq!(beside["their_commonest_fours"], json!(1.0));
    let out = run(&["stats"], &places);
    let said = text(&out.stdout);
    assert!(said.contains("2 dialogues, 20 utterances, 160 words; a memory on 20 %"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80) && !said.contains('\u{1b}'), "{said}");
    std::fs::write(&other, "{\"dialog\": [{\"text\": \"so\"}]}\n{\"talk\": []}").unwrap();
    let out = run(&["stats", "--beside", other.to_str().unwrap()], &places);
    assert!(out.status.code() == Some(1) && text(&out.stderr).contains("valid.jsonl:2"), "{}", text(&out.stderr));
}

#[test]
fn what_cannot_be_exported_is_named_where_it_stands() {
    let cases: [(Change, &[&str], &str); 3] = [
        (|world| world.facts[3]["aspect"] = json!("dream"), &["--kind", "nli"], "f.jsonl:4: expected a character of"),
        (
            |world| world.dialogues[1]["dial"][3]["choose_info"]["aspect"] = json!("tone"),
            &[],
            "a.jsonl:2: expected memories of the one who speaks, found turn 3: the supporter has no memory \"tone\"",
        ),
        (|world| world.splits = Value::Null, &["--split", "test"], "splits.json: expected"),
    ];
    for (change, arguments, told) in cases {
        let dir = tempfile::tempdir().unwrap();
        let mut spoilt = world();
        change(&mut spoilt);
        let places = write(dir.path(), &spoilt);
        let out = dir.path().join("rows.json");
        let refused = run(&[&["export", "--out", out.to_str().unwrap()], arguments].concat(), &places);
        let said = text(&refused.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(refused.status.code() == Some(1) && said.contains(told) && !out.exists(), "{told}: {said}");
    }
}

#[test]
fn what_is_exported_is_what_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let places = write(dir.path(), &world());
    let out_file = dir.path().join("out/rows.jsonl");
    std::fs::create_dir(dir.path().join("out")).unwrap();
    let export =
        |arguments: &[&str]| run(&[&["export", "--out", out_file.to_str().unwrap()], arguments].concat(), &places);
    assert!(export(&[]).status.success());
    let bank = Bank::load(&places.1).unwrap();
    let said = Rows::<AuthoredDialogue>::read(&places.0.join("dialogues")).unwrap();
    let said: Vec<AuthoredDialogue> = said.iter().cloned().collect();
    let expected: Vec<_> = said
        .iter()
        .map(|talk| talk.transcript(bank.get(talk.seeker).unwrap(), bank.get(talk.supporter).unwrap()).unwrap())
        .collect();
    assert_eq!(expected[0][3].memory.as_ref().map(|memory| &memory.content[..8]), Some("You have"));

    // As published rows.
    let rows: Vec<DialogueRow> =
        std::fs::read_to_string(&out_file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(DialogueRow::transcript).collect::<Vec<_>>(), expected);
    assert_eq!(rows[1].supporter_info.statement, bank.get(3).unwrap().supporter_statement);

    // As training reads them, without a bank.
    let read = Read::read(&Places { dialogues: Some(dir.path().join("out")), ..Places::default() }).unwrap();
    let turns: Vec<_> = read
        .documents
        .into_iter()
        .map(|document| match document.content {
            Content::Conversation(talk) => talk.turns,
            Content::Passage(text) => panic!("expected a conversation, found {text}"),
        })
        .collect();
    assert_eq!(turns, expected);

    // A file that is there stays, unless it is to be replaced.
    let refused = export(&["--kind", "ratings"]);
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("--force"), "{}", text(&refused.stderr));
    assert!(export(&["--kind", "ratings", "--split", "test", "--force"]).status.success());
    let rows: Vec<RatingRow> =
        std::fs::read_to_string(&out_file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), [1], "the dialogues of the split only");
    assert_eq!((rows[0].rating.mood, rows[0].rating.solved, rows[0].rating.active), (4, 3, 5));
    let lines: Vec<String> =
        said[1].dial.iter().map(|turn| format!("{}: {}", turn.speaker.as_str(), turn.utterance)).collect();
    assert_eq!(rows[0].dial, lines.join("\n"));

    // Facts, as APC's arrays.
    assert!(export(&["--kind", "nli", "--split", "test", "--force"]).status.success());
    let rows: Vec<NliRow> = serde_json::from_str(&std::fs::read_to_string(&out_file).unwrap()).unwrap();
    let name = bank.get(2).unwrap().name();
    assert!(rows.len() == 18 && rows.iter().all(|row| row.character == name), "{rows:?}");
    assert!(export(&["--kind", "relevance", "--force"]).status.success());
    let rows: Vec<RelevanceRow> = serde_json::from_str(&std::fs::read_to_string(&out_file).unwrap()).unwrap();
    assert_eq!(rows.iter().filter(|row| row.relevant == Relevance::Yes).count() * 2, rows.len());
    assert!(export(&["--kind", "statements", "--force"]).status.success());
    let rows: Vec<Passage> = serde_json::from_str(&std::fs::read_to_string(&out_file).unwrap()).unwrap();
    assert_eq!(rows[0].passage, bank.get(0).unwrap().profile_trans["hobby"]);
    assert!(export(&["--kind", "queries", "--force"]).status.success());
    let rows: Vec<StatementQueries> = serde_json::from_str(&std::fs::read_to_string(&out_file).unwrap()).unwrap();
    let fact = &world().facts[0];
    assert_eq!(json!(rows[1].statement), fact["statements"][1]);
    assert_eq!(json!(rows[1].queries), json!([fact["asks"][1], fact["open"]]));

    // Nothing is not written, and what was there stays.
    let before = std::fs::read_to_string(&out_file).unwrap();
    for (kind, told) in [("dialogues", "dialogues of the split valid"), ("nli", "nli of the split valid")] {
        let refused = export(&["--kind", kind, "--split", "valid", "--force"]);
        let said = text(&refused.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(refused.status.code() == Some(1) && said.contains(told), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&out_file).unwrap(), before);

    let left: Vec<_> = std::fs::read_dir(dir.path().join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, std::slice::from_ref(&out_file), "no half-written file stays");
}
