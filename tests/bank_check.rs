//! `kindred bank check` and `stats`: a whole bank passes, and each fault is named where it is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod checked;
mod checkpoints;

use std::path::Path;
use std::sync::{Arc, Mutex};

use checked::{Hashed, in_cache, kindred, named, text};
use kindred::encoder::{Embedder as _, KeptEmbeddings};
use kindred::evaluation::bank::{check, check_meaning};
use kindred::evaluation::embedded::Embeddings;
use kindred::evaluation::{Rows, Scope};
use serde_json::{Value, json};

/// Two people, whole in every field.
fn people() -> Vec<Value> {
    checked::people(2)
}

fn write(dir: &Path, rows: &[Value]) -> String {
    let path = dir.join("people.jsonl");
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_whole_bank_passes_and_quotas_are_asked_for_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let bank = write(dir.path(), &people());
    let out = kindred(&["bank", "check", "--quick", "--bank", &bank]);
    let said = text(&out.stdout);
    assert!(out.status.success() && said.contains("no fault"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80) && !said.contains('\u{1b}'), "{said}");
    let out = kindred(&["bank", "check", "--quick", "--quotas", "--bank", &bank]);
    let said = text(&out.stdout);
    assert!(out.status.code() == Some(1) && said.contains("fault  characters: 2; expected 1,024"), "{said}");
    let out = kindred(&["bank", "check", "--quick", "--quotas", "--json", "--bank", &bank]);
    let said: Value = serde_json::from_slice(&out.stdout).unwrap();
    let faults: Vec<&str> = said["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["holds"] == false)
        .map(|finding| finding["what"].as_str().unwrap())
        .collect();
    let quotas = [
        "characters",
        "characters of each type",
        "countries",
        "different jobs",
        "genders",
        "ages from twenty to seventy-nine",
        "kinds of recent worry",
    ];
    assert_eq!(faults, quotas);
    assert!(out.status.code() == Some(1) && said["faults"] == json!(quotas.len()), "{said}");
}

#[test]
fn each_fault_is_named_where_it_is() {
    type Change = fn(&mut Vec<Value>);
    let faults: [(&str, Change, &str, &str); 16] = [
        (
            "a field of the row is missing",
            |rows| drop(rows[1].as_object_mut().unwrap().remove("mbti")),
            "every line is a character",
            "people.jsonl:2: missing field `mbti`",
        ),
        (
            "an index comes twice",
            |rows| rows[1]["index"] = json!(0),
            "indices",
            "people.jsonl:2: 0 stands already in people.jsonl:1",
        ),
        (
            "a name comes twice",
            |rows| rows[1]["profile"]["name"] = rows[0]["profile"]["name"].clone(),
            "names",
            "people.jsonl:2: Ada Ek",
        ),
        (
            "a field is empty",
            |rows| rows[0]["profile"]["hobby"] = json!(" "),
            "seventeen profile fields",
            "profile.hobby is empty",
        ),
        (
            "an aspect that nobody knows",
            |rows| rows[0]["profile_trans"]["dream"] = json!("You fly."),
            "known aspects",
            "unknown aspect \"dream\"",
        ),
        (
            "a memory that is no text",
            |rows| rows[0]["profile_trans"]["hobby"] = json!(3),
            "known aspects",
            "hobby is no text",
        ),
        (
            "a memory in the third person",
            |rows| rows[0]["profile_trans"]["hobby"] = json!("She mends clocks, big ones and small ones. ".repeat(4)),
            "memories address the character",
            "hobby holds no \"you\"",
        ),
        (
            "a profile in the second person",
            |rows| rows[0]["profile"]["hobby"] = json!("You mend clocks."),
            "third person",
            "0 Ada Ek, hobby: You mend clocks.",
        ),
        (
            "another opening",
            |rows| rows[0]["seeker_statement"] = json!("I am Ada Ek."),
            "statements begin",
            "seeker: \"I am Ada Ek.",
        ),
        (
            "one statement for both roles",
            |rows| rows[0]["seeker_statement"] = rows[0]["supporter_statement"].clone(),
            "differ by role",
            "0 Ada Ek",
        ),
        (
            "a memory of a few words",
            |rows| rows[0]["profile_trans"]["hobby"] = json!("You mend clocks. You do."),
            "words of a memory",
            "hobby: 5 words",
        ),
        (
            "a memory of one sentence",
            |rows| rows[0]["profile_trans"]["hobby"] = json!(format!("You mend {}.", "clocks and ".repeat(14))),
            "sentences of a memory",
            "hobby: 1",
        ),
        (
            "a telephone number",
            |rows| rows[0]["profile"]["hobby"] = json!("Ring +49 170 1234567."),
            "no telephone",
            "a telephone number, \"+49 170 1234567\"",
        ),
        (
            "a telephone number where the format lists no field",
            |rows| rows[0]["profile"]["phone"] = json!("020 7946 0958"),
            "no telephone",
            "profile.phone: a telephone number, \"020 7946 0958\"",
        ),
        (
            "a telephone number deep in a field",
            |rows| rows[0]["profile"]["contact"] = json!({"at": ["home", {"number": 4917012345678u64}]}),
            "no telephone",
            "profile.contact: a telephone number, \"4917012345678\"",
        ),
        (
            "a street with a number",
            |rows| rows[0]["profile"]["living_conditions"] = json!("Lives at 14 Elm Tree Road."),
            "no telephone",
            "14 Elm Tree Road",
        ),
    ];
    for (fault, change, what, place) in faults {
        let dir = tempfile::tempdir().unwrap();
        let mut rows = people();
        change(&mut rows);
        let rows = Rows::read(Path::new(&write(dir.path(), &rows))).unwrap();
        let findings = check(&rows, Scope { quotas: false });
        assert!(named(&findings, what, place), "{fault}: expected {what:?} with {place:?} in {findings:#?}");
    }
}

/// A bank of one's own may hold a child and a region without a country; the one that ships promises otherwise.
#[test]
fn what_only_the_bank_that_ships_promises_is_no_matter_of_form() {
    type Change = fn(&mut Value);
    let promised: [(Change, &str, &str); 3] = [
        (|row| row["profile"]["age"] = json!("old"), "ages from 18 to 80", "age \"old\" is no number"),
        (|row| row["profile"]["age"] = json!(12), "ages from 18 to 80", "0 Ada Ek, age 12"),
        (|row| row["profile"]["region"] = json!("Turku"), "regions are", "region \"Turku\""),
    ];
    for (change, what, place) in promised {
        let dir = tempfile::tempdir().unwrap();
        let mut rows = people();
        change(&mut rows[0]);
        let rows = Rows::read(Path::new(&write(dir.path(), &rows))).unwrap();
        let faults: Vec<_> =
            check(&rows, Scope { quotas: false }).into_iter().filter(|finding| !finding.holds).collect();
        assert!(faults.is_empty(), "{what}: {faults:#?}");
        let findings = check(&rows, Scope { quotas: true });
        assert!(named(&findings, what, place), "expected {what:?} with {place:?} in {findings:#?}");
    }
}

/// Memories of many sentences may be some; where they are too many, each is named.
#[test]
fn memories_of_too_many_sentences_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let find = |of: usize| {
        let mut rows = people();
        for row in &mut rows[..of] {
            row["profile_trans"]["hobby"] = json!("You mend clocks, big and small ones. ".repeat(5));
        }
        let rows = Rows::read(Path::new(&write(dir.path(), &rows))).unwrap();
        check(&rows, Scope { quotas: false })
    };
    assert!(!named(&find(1), "sentences of a memory", ""), "one of twenty-two may");
    assert!(named(&find(2), "sentences of a memory", "people.jsonl:2: 1 Bo Fry, hobby: 5"), "{:#?}", find(2));
}

/// What the encoder adds, with a stand-in that counts words.
#[test]
fn texts_that_say_the_same_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let find = |change: fn(&mut Vec<Value>)| {
        let mut rows = people();
        change(&mut rows);
        let rows = Rows::read(Path::new(&write(dir.path(), &rows))).unwrap();
        let kept = KeptEmbeddings::new(dir.path().join("kept"));
        let mut embeddings = Embeddings::new(Arc::new(Hashed), kept, Box::new(|_, _, _| ()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(check_meaning(&rows, Scope { quotas: true }, &mut embeddings)).unwrap();
        found.into_iter().filter(|finding| !finding.holds).flat_map(|finding| finding.places).collect::<Vec<_>>()
    };
    assert_eq!(find(|_| ()), Vec::<String>::new());
    let found = find(|rows| rows[1]["profile_trans"]["hobby"] = rows[0]["profile_trans"]["hobby"].clone());
    assert!(
        found.len() == 1
            && found[0].starts_with("profile_trans.hobby: 1.00, people.jsonl:1, 0 Ada Ek \"You have hobby10"),
        "{found:?}"
    );
    assert!(found[0].ends_with("\" / people.jsonl:2, 1 Bo Fry"), "one text of both: {found:?}");
    let found = find(|rows| {
        rows[0]["supporter_statement"] =
            json!("You are Ada Ek, a cook. You listen. Her sister moved to sea0 and never wrote.");
    });
    assert!(
        found.len() == 1 && found[0].contains("Her sister moved to sea0") && found[0].contains("0 Ada Ek"),
        "{found:?}"
    );
    let found = find(|rows| rows[1]["profile"]["personality"] = rows[0]["profile"]["personality"].clone());
    assert!(found.iter().any(|place| place.starts_with("1.00, INFP, 0 Ada Ek")), "{found:?}");
}

/// More texts than are kept in one file, a placeholder among them that most share.
#[test]
fn texts_are_compared_across_the_pieces_in_which_they_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..1_030)
        .map(|at| match at {
            1_029 => "word0 other0 third0".to_owned(),
            at if at < 40 => format!("word{at} other{at} third{at}"),
            _ => "To be told".to_owned(),
        })
        .collect();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let hear = move |what: &str, done: usize, of: usize| hears.lock().unwrap().push((what.to_owned(), done, of));
    let kept = KeptEmbeddings::new(dir.path().to_owned());
    let mut embeddings = Embeddings::new(Arc::new(Hashed), kept, Box::new(hear));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let embedded = runtime.block_on(embeddings.of("texts", &texts)).unwrap();
    assert_eq!(embedded.len(), texts.len());
    let alone = runtime.block_on(Hashed.embed(texts.clone())).unwrap();
    assert!(alone.iter().enumerate().all(|(at, row)| embedded.row(at) == row), "each text has its own embedding");
    let mut pairs = Vec::new();
    embedded.near(0.99, |a, b, _| pairs.push((a, b))).unwrap();
    assert!(pairs.contains(&(0, 1_029)), "a pair of two pieces is found");
    assert_eq!(pairs.len(), 1 + 989 * 988 / 2, "and every pair once");
    let last = told.lock().unwrap().last().cloned();
    assert_eq!(last, Some(("texts".to_owned(), 1_024, 1_030)), "progress goes on over the pieces");
    told.lock().unwrap().clear();
    runtime.block_on(embeddings.of("texts", &texts)).unwrap();
    assert_eq!(*told.lock().unwrap(), [], "nothing is embedded twice");
}

#[test]
fn without_an_encoder_the_check_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let out = kindred(&["bank", "check", "--encoder", "/nowhere/encoder", "--bank", &write(dir.path(), &people())]);
    let said = text(&out.stderr);
    assert!(out.status.code() == Some(1) && said.contains("/nowhere/encoder") && said.contains("--quick"), "{said}");
}

/// What `bank/README.md` promises of the bank that ships, but for what needs an encoder; `make test` checks that too.
#[test]
fn the_bank_that_ships_is_whole() {
    let out = kindred(&["bank", "check", "--quick"]);
    assert!(out.status.success(), "{}", text(&out.stdout));
}

#[test]
fn stats_count_and_draw() {
    let dir = tempfile::tempdir().unwrap();
    let bank = write(dir.path(), &people());
    let picture = dir.path().join("bank.svg");
    let out = kindred(&["bank", "stats", "--bank", &bank, "--svg", picture.to_str().unwrap()]);
    let said = text(&out.stdout);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(said.contains("2 characters of 1 countries") && said.contains("Recent worry, by kind"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80) && !said.contains('\u{1b}'), "{said}");
    let drawn = std::fs::read_to_string(&picture).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.contains("Recent worry, by kind") && drawn.ends_with("</svg>\n"));
    let out = kindred(&["bank", "stats", "--json", "--bank", &bank]);
    let counted: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&counted["characters"], &counted["jobs"]), (&json!(2), &json!(2)));
    let types = dir.path().join("types.json");
    let list: Vec<Value> = kindred::persona::Mbti::all()
        .map(|mbti| json!({"type": mbti.as_str(), "description": "They are themselves."}))
        .collect();
    std::fs::write(&types, json!(list).to_string()).unwrap();
    let stats = |more: &[&str]| {
        let given = ["bank", "stats", "--bank", &bank, "--types", types.to_str().unwrap()];
        // No encoder but the one that is named, and nothing kept but here.
        in_cache(dir.path(), &[&given[..], more].concat())
    };
    // Left out where nobody asked for one, in so many words; one that was named must be there.
    let out = stats(&[]);
    let said = text(&out.stdout);
    assert!(out.status.success() && said.contains("No blind sorting: no sentence encoder"), "{said}");
    let told: Value = serde_json::from_slice(&stats(&["--json"]).stdout).unwrap();
    let why = told["sorting_left_out"].as_str().unwrap();
    assert!(why.contains("no sentence encoder") && told["sorting"].is_null() && told["broken"] == json!([]), "{told}");
    let out = stats(&["--encoder", "/nowhere/encoder"]);
    let said = text(&out.stderr);
    assert!(out.status.code() == Some(1) && said.contains("/nowhere/encoder") && !said.contains("matching"), "{said}");
    // A small encoder sorts by chance, but everybody.
    let encoder = checkpoints::bert(None);
    let out = stats(&["--encoder", encoder.path().to_str().unwrap(), "--json"]);
    let told: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", text(&out.stderr)));
    let sorting = &told["sorting"];
    assert!(sorting["characters"] == json!(2) && told["sorting_left_out"].is_null(), "{told}");
    assert_eq!(sorting["recall"].as_array().unwrap().len(), 1, "of the one type that somebody has");
    let chart = told["charts"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&chart["title"], &chart["bars"][0][0]),
        (&json!("Type found by a reader, of each type"), &json!("INFP"))
    );
    let out = stats(&["--encoder", encoder.path().to_str().unwrap()]);
    let said = text(&out.stdout);
    assert!(said.contains("Blind sorting of 2 characters by tone and personality"), "{said}");
    std::fs::write(&types, "[]").unwrap();
    let out = kindred(&["bank", "stats", "--bank", &bank, "--types", types.to_str().unwrap()]);
    let said = text(&out.stderr);
    assert!(out.status.code() == Some(1) && said.contains("each of the sixteen types once"), "{said}");
}
