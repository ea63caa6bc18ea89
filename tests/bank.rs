//! The bank on the command line, run as a user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn kindred(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kindred"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("KINDRED_HOME")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn bank(dir: &Path) -> String {
    let row = |index: u32, mbti: &str, name: &str, job: &str| {
        format!(
            r#"{{"index": {index}, "mbti": "{mbti}", "profile": {{"name": "{name}", "age": "41", "region": "Turku, Finland", "job": "{job}", "hobby": "Mends clocks. Swims in winter."}}, "profile_trans": {{"hobby": "You mend clocks.", "dream": "You dream of a boat."}}, "seeker_statement": "You are {name}.", "supporter_statement": "You are {name}, who listens."}}"#
        )
    };
    let path = dir.join("people.jsonl");
    let rows = [row(3, "INFJ", "Aino Salo", "ferry captain"), row(5, "ESTP", "Ben \\u001b[31mOkoye", "cook")];
    std::fs::write(&path, rows.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn list_fits_eighty_columns_and_has_no_colour_in_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let out = kindred(&["bank", "list", "--bank", &bank(dir.path())]);
    let shown = text(&out.stdout);
    assert!(out.status.success() && shown.contains("Aino Salo") && shown.contains("2 characters"), "{shown}");
    assert!(!shown.contains('\u{1b}') && shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let out = kindred(&["bank", "list", "--type", "infj", "--json", "--bank", &bank(dir.path())]);
    let rows: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!(rows[0]["name"], "Aino Salo");
}

#[test]
fn the_bank_that_ships_is_found() {
    let out = kindred(&["bank", "list", "--json"]);
    let rows: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1_024);
}

#[test]
fn show_takes_index_or_name_and_json_gives_the_row_back() {
    let dir = tempfile::tempdir().unwrap();
    let bank = bank(dir.path());
    let escaped = text(&kindred(&["bank", "show", "5", "--bank", &bank]).stdout);
    assert!(escaped.contains("Okoye") && !escaped.contains('\u{1b}'), "{escaped:?}");
    for who in ["3", "aino", "Aino Salo", "infj"] {
        let shown = text(&kindred(&["bank", "show", who, "--bank", &bank]).stdout);
        assert!(shown.contains("ferry captain") && shown.contains("You dream of a boat."), "{shown}");
    }
    let row: serde_json::Value =
        serde_json::from_slice(&kindred(&["bank", "show", "3", "--json", "--bank", &bank]).stdout).unwrap();
    assert_eq!(row["profile_trans"]["dream"], "You dream of a boat.");
    let out = kindred(&["bank", "show", "Ayno", "--bank", &bank]);
    let said = text(&out.stderr);
    assert!(out.status.code() == Some(1) && said.contains("\"Ayno\"") && said.contains("Aino Salo (3)"), "{said}");
}

#[test]
fn search_ranks_by_words_over_all_fields() {
    let dir = tempfile::tempdir().unwrap();
    let bank = bank(dir.path());
    let shown = text(&kindred(&["bank", "search", "cook", "clocks", "--bank", &bank]).stdout);
    assert!(shown.find("Okoye").unwrap() < shown.find("Aino").unwrap(), "{shown}");
    let out = kindred(&["bank", "search", "zeppelin", "--bank", &bank]);
    assert!(out.status.success() && text(&out.stdout).contains("No character mentions"));
}

#[test]
fn bad_input_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none.jsonl");
    let out = kindred(&["bank", "list", "--bank", missing.to_str().unwrap()]);
    assert!(out.status.code() == Some(1) && text(&out.stderr).contains("none.jsonl"));
    let out = kindred(&["bank", "list", "--type", "ABCD", "--bank", &bank(dir.path())]);
    assert!(out.status.code() == Some(2) && text(&out.stderr).contains("ABCD"));
    std::fs::write(&missing, "\u{feff}not json\n").unwrap();
    let out = kindred(&["bank", "list", "--bank", missing.to_str().unwrap()]);
    assert!(out.status.code() == Some(1) && text(&out.stderr).contains("none.jsonl:1"), "{}", text(&out.stderr));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kindred"))
        .args(["bank", "list"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", text(&out.stderr));
}
