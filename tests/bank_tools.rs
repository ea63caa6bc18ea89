//! Characters brought into banks and taken out of them, sought by meaning and by likeness, on the command line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a command line in this folder, where no bank but the shipped one is found, with this on standard input.
fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kindred"))
        .args(arguments)
        .current_dir(folder)
        .env("KINDRED_HOME", ROOT)
        .env("KINDRED_LOG", "error")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command that must succeed prints.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let out = run(folder, arguments, "");
    assert!(out.status.success(), "{arguments:?}: {}", text(&out.stderr));
    text(&out.stdout)
}

/// What a command that must fail says.
fn failed(folder: &Path, arguments: &[&str]) -> String {
    let out = run(folder, arguments, "");
    assert_eq!(out.status.code(), Some(1), "{arguments:?}");
    text(&out.stderr)
}

fn row(index: u32, mbti: &str, name: &str) -> Value {
    json!({
        "index": index, "mbti": mbti, "faith": "a field of its own",
        "profile": {"name": name, "age": "41", "region": "Turku, Finland", "job": "ferry captain", "pet": "a cat"},
        "profile_trans": {"dream": "You dream of a boat.", "growth_experience": "You grew up by the sea."},
        "seeker_statement": "You seek.", "supporter_statement": "You listen.",
    })
}

/// The rows of these files, by index.
fn rows(files: impl IntoIterator<Item = PathBuf>) -> BTreeMap<u64, Value> {
    let mut rows = BTreeMap::new();
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            assert!(rows.insert(row["index"].as_u64().unwrap(), row).is_none(), "an index twice");
        }
    }
    rows
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn shipped() -> BTreeMap<u64, Value> {
    let bank = files(&Path::new(ROOT).join("bank"));
    rows(bank.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "jsonl")))
}

#[test]
fn the_whole_bank_goes_out_and_comes_in_again_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    assert!(done(here, &["bank", "export", "--out", "all.jsonl"]).contains("1024 characters"));
    assert_eq!(rows([here.join("all.jsonl")]), shipped());
    let told = done(here, &["bank", "import", "all.jsonl", "--into", "mine"]);
    assert!(told.contains("Added 1024") && told.contains("64 INFJ"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80 && !line.contains('\u{1b}')), "{told}");
    assert_eq!(rows(files(&here.join("mine"))), shipped());
    let names: Vec<String> =
        files(&here.join("mine")).iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!((names.len(), names[0].as_str()), (16, "enfj.jsonl"), "one file a type and nothing else: {names:?}");
    assert_eq!(
        done(here, &["bank", "export", "--bank", "mine"]),
        std::fs::read_to_string(here.join("all.jsonl")).unwrap()
    );
    let told = done(here, &["bank", "import", "all.jsonl", "--into", "mine"]);
    assert!(told.contains("1024 of the rows are there already") && told.contains("Nothing is new"), "{told}");
}

#[test]
fn what_a_row_holds_beside_the_format_stays_and_arrays_bom_and_standard_input_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    std::fs::write(
        here.join("array.json"),
        format!("\u{feff}[\n{:#},\n{}]\n", row(3, "INFJ", "Aino"), row(8, "estp", "Ben")),
    )
    .unwrap();
    let out = run(here, &["bank", "import", "array.json", "-", "--into", "a/b"], &row(4, "INFJ", "Cleo").to_string());
    assert!(out.status.success(), "{}", text(&out.stderr));
    let there = rows(files(&here.join("a/b")));
    assert_eq!(there[&3], row(3, "INFJ", "Aino"));
    assert_eq!(there.keys().copied().collect::<Vec<_>>(), [3, 4, 8]);
    assert!(done(here, &["bank", "list", "--bank", "a/b"]).contains("3 characters"));
    assert_eq!(
        serde_json::from_str::<Value>(&done(here, &["bank", "export", "aino", "--bank", "a/b"])).unwrap(),
        there[&3]
    );
    assert_eq!(done(here, &["bank", "export", "--type", "infj", "--bank", "a/b"]).lines().count(), 2);
}

#[test]
fn all_bad_rows_are_named_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let bad = format!("{}\nnot json\n\n{}\n", row(1, "INFJ", "Aino"), row(2, "ABCD", ""));
    std::fs::write(here.join("one.jsonl"), bad).unwrap();
    std::fs::write(here.join("two.json"), "[\n{\"index\": -1}\n]").unwrap();
    let said = failed(here, &["bank", "import", "one.jsonl", "two.json", "--into", "mine"]);
    for part in [
        "one.jsonl:2: row: expected a character as a JSON object, found broken JSON",
        "one.jsonl:4: mbti: expected one of the sixteen types, such as INFJ, found the text \"ABCD\"",
        "one.jsonl:4: profile.name: expected a name, found the text \"\"",
        "two.json:2: index: expected a whole number from 0 to 4294967295, found -1",
        "nothing was imported: 9 things to mend",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    std::fs::write(here.join("many.jsonl"), "7\n".repeat(1000)).unwrap();
    let said = failed(here, &["bank", "import", "many.jsonl", "--into", "mine"]);
    assert!(said.lines().count() < 60 && said.contains("and 950 more"), "{said}");
    std::fs::write(here.join("latin.jsonl"), b"\n\xe9\n").unwrap();
    assert!(
        failed(here, &["bank", "import", "latin.jsonl", "--into", "mine"]).contains("latin.jsonl:2: expected UTF-8")
    );
    assert!(failed(here, &["bank", "import", "none.jsonl", "--into", "mine"]).contains("none.jsonl"));
    std::fs::write(here.join("empty.jsonl"), "\n").unwrap();
    assert!(failed(here, &["bank", "import", "empty.jsonl", "--into", "mine"]).contains("holds no character"));
    assert!(failed(here, &["bank", "import", "one.jsonl", "--into", "two.json"]).contains("is a file"));
    assert!(!here.join("mine").exists(), "nothing was written");
}

#[test]
fn nobody_loses_their_index_and_those_who_get_another_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    std::fs::write(here.join("one.jsonl"), format!("{}\n{}", row(1, "INFJ", "Aino"), row(5, "INFJ", "Ben"))).unwrap();
    std::fs::write(here.join("two.jsonl"), format!("{}\n{}", row(1, "INFJ", "Cleo"), row(2, "INFJ", "Dag"))).unwrap();
    done(here, &["bank", "import", "one.jsonl", "--into", "mine"]);
    let before = std::fs::read_to_string(here.join("mine/infj.jsonl")).unwrap();
    let said = failed(here, &["bank", "import", "two.jsonl", "--into", "mine"]);
    assert!(
        said.contains("two.jsonl:1: index: 1 is taken by Aino (mine/infj.jsonl:1)") && said.contains("--renumber"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(here.join("mine/infj.jsonl")).unwrap(), before);
    let told = done(here, &["bank", "import", "two.jsonl", "--into", "mine", "--renumber"]);
    assert!(told.contains("1->6"), "{told}");
    let after = std::fs::read_to_string(here.join("mine/infj.jsonl")).unwrap();
    assert!(after.starts_with(&before), "what was there is there, byte by byte");
    let there = rows([here.join("mine/infj.jsonl")]);
    assert_eq!(
        there.iter().map(|(index, row)| (*index, row["profile"]["name"].as_str().unwrap())).collect::<Vec<_>>(),
        [(1, "Aino"), (2, "Dag"), (5, "Ben"), (6, "Cleo")]
    );
    let again: Value =
        serde_json::from_str(&done(here, &["bank", "import", "two.jsonl", "--into", "mine", "--renumber", "--json"]))
            .unwrap();
    assert_eq!((&again["added"], &again["already"][0]["there_as"]), (&json!([]), &json!(6)));
    std::fs::write(here.join("mine/isfp.jsonl"), "{}").unwrap();
    let said = failed(here, &["bank", "import", "one.jsonl", "--into", "mine"]);
    assert!(said.contains("mine/isfp.jsonl:1: index") && said.contains("mine holds what is no character"), "{said}");
}

#[test]
fn an_export_overwrites_nothing_unless_it_is_forced() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    std::fs::write(here.join("kept"), "mine").unwrap();
    assert!(failed(here, &["bank", "export", "4", "--out", "kept"]).contains("--force"));
    assert_eq!(std::fs::read_to_string(here.join("kept")).unwrap(), "mine");
    assert!(failed(here, &["bank", "export", "nobody at all", "--out", "new"]).contains("nobody at all"));
    assert!(!here.join("new").exists());
    done(here, &["bank", "export", "4", "Nomvula Dlamini", "--out", "kept", "--force"]);
    assert_eq!(rows([here.join("kept")]).keys().copied().collect::<Vec<_>>(), [4, 9]);
    let misused = run(here, &["bank", "import", "kept", "--into", "mine", "--bank", "other"], "");
    assert!(misused.status.code() == Some(1) && text(&misused.stderr).contains("--into"));
}

#[test]
fn an_export_never_touches_the_bank_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let both = format!("{}\n{}\n", row(1, "INFJ", "Aino"), row(2, "ESTP", "Ben"));
    std::fs::write(here.join("own.jsonl"), &both).unwrap();
    done(here, &["bank", "import", "own.jsonl", "--into", "mine"]);
    let before = files(&here.join("mine"));
    for out in ["own.jsonl", "./mine/../own.jsonl"] {
        let said = failed(here, &["bank", "export", "1", "--bank", "own.jsonl", "--out", out, "--force"]);
        assert!(said.contains("is a file of the bank that is exported"), "{said}");
    }
    for out in ["mine/new.jsonl", "mine/infj.jsonl", "mine/../mine/new.json"] {
        let said = failed(here, &["bank", "export", "1", "--bank", "mine", "--out", out, "--force"]);
        assert!(said.contains("would lie in the bank that is exported"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(here.join("own.jsonl")).unwrap(), both);
    assert_eq!(files(&here.join("mine")), before);
    let said = failed(here, &["bank", "export", "infj", "--bank", "mine"]);
    assert!(said.contains("INFJ is a type: --type INFJ exports all 1"), "{said}");
}

#[test]
fn what_makes_no_bank_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    std::fs::write(here.join("new.jsonl"), row(9, "ENFP", "Cleo").to_string()).unwrap();
    std::fs::create_dir(here.join("mine")).unwrap();
    let refused = |stands: &str| {
        std::fs::write(here.join("mine/infj.jsonl"), stands).unwrap();
        let said = failed(here, &["bank", "import", "new.jsonl", "--into", "mine", "--renumber"]);
        assert_eq!(std::fs::read_to_string(here.join("mine/infj.jsonl")).unwrap(), stands);
        assert_eq!(files(&here.join("mine")).len(), 1);
        assert!(said.contains("nothing was imported") && !said.contains("--renumber"), "{said}");
        said
    };
    let said = refused(&format!("[{}]\n", row(1, "INFJ", "Aino")));
    assert!(said.contains("mine/infj.jsonl:1: row: expected one character a line"), "{said}");
    let said = failed(here, &["bank", "list", "--bank", "mine"]);
    assert!(said.contains("is one JSON array") && said.contains("kindred bank import"), "{said}");
    let said = refused(&format!("{}\n{}\n", row(1, "INFJ", "Aino"), row(1, "INFJ", "Ben")));
    assert!(said.contains("mine/infj.jsonl:2: index: 1 is taken by Aino (mine/infj.jsonl:1)"), "{said}");
    std::fs::write(here.join("twice.jsonl"), format!("{}\n{}", row(1, "INFJ", "Aino"), row(1, "INFJ", "Ben"))).unwrap();
    assert!(failed(here, &["bank", "import", "twice.jsonl", "--into", "q/r/s"]).contains("--renumber gives"));
    assert!(!here.join("q").exists(), "no folder is left of what was refused");
}

#[test]
fn every_digit_goes_in_and_out() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let exact = |index: u32, name: &str| {
        let numbers = r#""height": [122.416294033786585, 123456789012345678901234567890, 0.10], "faith""#;
        row(index, "INFJ", name).to_string().replace("\"faith\"", numbers)
    };
    let (aino, ben) = (exact(1, "Aino"), exact(1, "Ben"));
    std::fs::write(here.join("two.json"), format!("[\n{aino},\n{ben}\n]")).unwrap();
    done(here, &["bank", "import", "two.json", "--into", "mine", "--renumber"]);
    let renumbered = format!("{aino}\n{}\n", exact(2, "Ben"));
    assert_eq!(std::fs::read_to_string(here.join("mine/infj.jsonl")).unwrap(), renumbered);
    assert_eq!(done(here, &["bank", "export", "--bank", "mine"]), renumbered);
    let shown = done(here, &["bank", "show", "2", "--json", "--bank", "mine"]);
    assert!(shown.contains("    122.416294033786585,\n    123456789012345678901234567890,\n    0.10\n"), "{shown}");
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["faith"], "a field of its own");
    let both = format!("{shown}{}", done(here, &["bank", "show", "1", "--json", "--bank", "mine"]));
    std::fs::write(here.join("shown.json"), both).unwrap();
    let told = done(here, &["bank", "import", "shown.json", "--into", "mine"]);
    assert!(told.contains("2 of the rows are there already"), "what is shown is what is there: {told}");
    done(here, &["bank", "import", "shown.json", "--into", "it's new"]);
    let told = done(here, &["bank", "import", "two.json", "--into", "another one", "--renumber"]);
    assert!(told.contains("kindred bank list --bank 'another one'"), "{told}");
    assert_eq!(rows(files(&here.join("it's new"))), rows(files(&here.join("mine"))));
}

#[test]
fn too_much_at_once_is_refused_before_it_takes_memory() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    std::fs::write(here.join("half.jsonl"), "7\n".repeat(17 << 20)).unwrap();
    let said = failed(here, &["bank", "import", "half.jsonl", "half.jsonl", "--into", "mine"]);
    assert!(said.contains("no more than 64 MiB are read at once, and half.jsonl goes beyond"), "{said}");
    let long = row(1, "INFJ", "Aino").to_string().replace("\"a cat\"", &format!("[{}0]", "0,".repeat(4 << 20)));
    std::fs::write(here.join("long.jsonl"), long).unwrap();
    let said = failed(here, &["bank", "import", "long.jsonl", "--into", "mine"]);
    assert!(said.contains("long.jsonl:1: row: expected a row of at most 1048576 bytes"), "{said}");
    assert!(!here.join("mine").exists());
}

#[test]
fn what_cannot_be_looked_for_is_told_in_its_own_words() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    for arguments in [&["bank", "search", "--meaning", " "][..], &["bank", "search", " "]] {
        assert!(failed(here, arguments).contains("there is nothing to look for"), "{arguments:?}");
    }
    for arguments in [&["bank", "search", "--top", "0", "baker"][..], &["bank", "similar", "--top", "0", "4"]] {
        let out = run(here, arguments, "");
        assert!(out.status.code() == Some(2) && text(&out.stderr).contains("--top"), "{arguments:?}");
    }
    let elsewhere = ["bank", "similar", "4", "--encoder", "no/encoder"];
    assert!(failed(here, &elsewhere).contains("no/encoder"), "the encoder that was named is the one that is opened");
}

#[test]
fn the_published_file_becomes_a_bank() {
    let shared =
        std::env::var_os("KINDRED_SHARED").map(PathBuf::from).unwrap_or_else(|| Path::new(ROOT).join("../shared"));
    let published = shared.join("data/characterchat/profile_trans_output.json");
    if !published.is_file() {
        println!("skipped: no {}; set KINDRED_SHARED to the folder that holds data/", published.display());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let file = published.to_str().unwrap();
    assert!(done(here, &["bank", "import", file, "--into", "mine"]).contains("Added 100"));
    assert_eq!(rows(files(&here.join("mine"))), rows([published.clone()]));
    assert!(done(here, &["bank", "import", file, "--into", "mine"]).contains("Nothing is new"));
    assert!(done(here, &["bank", "show", "0", "--bank", "mine"]).contains("Ross Atkins"));
}

/// Whether the sentence encoder is in the user's cache; says so if not.
fn encoder_is_there() -> bool {
    let cache = std::env::var_os("KINDRED_CACHE").map(PathBuf::from).or_else(|| {
        std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .map(|cache| cache.join("kindred"))
    });
    let there = cache.is_some_and(|cache| cache.join("all-MiniLM-L6-v2/model.safetensors").is_file());
    if !there {
        println!("skipped: no sentence encoder in the user's cache; `make setup` fetches it");
    }
    there
}

#[test]
fn characters_are_found_by_meaning_and_by_likeness() {
    if !encoder_is_there() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let mut people = [row(3, "INFJ", "Aino"), row(5, "ESTP", "Ben"), row(8, "ISTJ", "Cleo")];
    for (person, job, worry) in
        [(0, "midwife", "Her mother died in May."), (1, "baker", "His wife passed away."), (2, "pilot", "")]
    {
        people[person]["profile"]["job"] = json!(job);
        people[person]["profile"]["recent_worry_or_anxiety"] = json!(worry);
    }
    std::fs::write(here.join("people.jsonl"), people.map(|person| person.to_string()).join("\n")).unwrap();
    let with = |arguments: &[&'static str]| [arguments, &["--bank", "people.jsonl"]].concat();
    let shown = done(here, &with(&["bank", "search", "--meaning", "somebody", "who", "flies", "aeroplanes"]));
    assert!(shown.starts_with("   8  Cleo") && shown.contains("job (0.") && shown.contains("): pilot"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let found: Value =
        serde_json::from_str(&done(here, &with(&["bank", "search", "--meaning", "mourning", "--json", "--top", "1"])))
            .unwrap();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["found"]["field"]), (1, &json!("recent_worry_or_anxiety")));

    let shown = done(here, &with(&["bank", "similar", "Aino", "--by", "recent_worry_or_anxiety"]));
    assert!(
        shown.contains("Ben")
            && shown.contains("His wife passed away.")
            && shown.contains("like Aino: Her mother died"),
        "{shown}"
    );
    assert!(!shown.contains("Cleo"), "who has no worry does not worry alike");
    let alike: Value = serde_json::from_str(&done(here, &with(&["bank", "similar", "3", "--json"]))).unwrap();
    assert_eq!(alike.as_array().unwrap().len(), 2, "oneself is left out");
    assert_eq!(alike[0]["similar"]["common"], json!([]), "of three, nobody is nearer than usual");
    let shown = done(here, &with(&["bank", "similar", "3"]));
    assert!(shown.contains("In nothing more like Aino than others are."), "{shown}");
    let said = failed(here, &with(&["bank", "similar", "3", "--by", "worries"]));
    assert!(
        said.contains("\"worries\"") && said.contains("whole") && said.contains("recent_worry_or_anxiety"),
        "{said}"
    );
    let said = failed(here, &with(&["bank", "similar", "Cleo", "--by", "recent_worry_or_anxiety"]));
    assert!(said.contains("nothing is told of character 8"), "{said}");
}
