//! Holds the house to its floors: an import points only downwards.
//!
//! Every `crate::` path counts, in code or `use`, alone or in a group, and every `super::` chain that climbs to the
//! root. A name at the root that is no room would be a way around the floors, so it is refused too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, from the ground up.
const FLOORS: [&[&str]; 7] = [
    &["persona", "dialogue", "statistics", "files"],
    &["nn"],
    &["engine", "encoder", "store"],
    &["memory", "matching", "faithfulness", "emotion", "safety"],
    &["agents"],
    &["simulation", "training", "pipeline", "evaluation"],
    &["web", "telegram", "cli"],
];

/// Rooms of one floor do not know each other, but for these: who, whom, why it must be.
const SIDEWAYS: [(&str, &str); 2] = [
    // A turn holds the memory it was given, which is a word of `persona`.
    ("dialogue", "persona"),
    // `kindred serve` is the command line that starts the web face.
    ("cli", "web"),
];

/// Who may name a crate that stands for a kind of knowledge: tensors, SQL, actors, HTTP.
const KNOWLEDGE: [(&str, &[&str]); 4] = [
    ("tch", &["nn", "engine", "encoder", "training"]),
    ("sqlx", &["store"]),
    ("actix", &["agents"]),
    ("actix_web", &["web", "cli"]),
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The source without comments, so that prose may name any room.
fn code(source: &str) -> String {
    let block = regex::Regex::new(r"(?s)/\*.*?\*/").unwrap();
    let line = regex::Regex::new(r"(?m)(^|[^:])//.*$").unwrap();
    line.replace_all(&block.replace_all(source, ""), "$1").into_owned()
}

/// The first names of a path's rest: `a::b` gives a; `{a::b, c}` gives a and c.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.trim_start().strip_prefix('{') else { return vec![name(rest)] };
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// What of the crate's root this code names.
fn root_names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` in a macro is the same root; `some_crate::` is another crate.
        let glued = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !glued {
            names.extend(first_names(&code[at + "crate::".len()..]));
        }
    }
    let climbing = regex::Regex::new(r"\b(?:super::){2,}").unwrap();
    for chain in climbing.find_iter(code) {
        names.extend(first_names(&code[chain.end()..]).into_iter().filter(|name| floor(name).is_some()));
    }
    names
}

#[test]
fn imports_point_downwards() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let relative = file.strip_prefix(&source).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.trim_end_matches(".rs");
        if room == "lib" || room == "main" {
            continue;
        }
        let Some(own) = floor(room) else {
            wrong.push(format!("src/{first}: {room} is on no floor of tests/architecture.rs"));
            continue;
        };
        for name in root_names(&code(&fs::read_to_string(&file).unwrap())) {
            seen += 1;
            match floor(&name) {
                _ if name == room => {}
                Some(other) if other < own => {}
                Some(_) if SIDEWAYS.contains(&(room, name.as_str())) => {}
                Some(other) => wrong.push(format!(
                    "src/{}: {room} (floor {own}) names crate::{name} (floor {other})",
                    relative.display()
                )),
                None => wrong.push(format!("src/{}: crate::{name} is no room of the house", relative.display())),
            }
        }
    }
    assert!(seen > 20, "only {seen} paths were read: does this test still see the code?");
    assert!(wrong.is_empty(), "an import points only downwards:\n{}", wrong.join("\n"));
}

#[test]
fn tensors_sql_actors_and_http_stay_in_their_rooms() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut found = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&source).unwrap();
        let room = relative.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
        let code = code(&fs::read_to_string(&file).unwrap());
        for (name, _) in KNOWLEDGE {
            if regex::Regex::new(&format!(r"\b{name}::|\buse {name}\b")).unwrap().is_match(&code) {
                found.push((name, room.clone(), relative.to_owned()));
            }
        }
    }
    for (name, rooms) in KNOWLEDGE {
        let inside = found.iter().any(|(other, room, _)| *other == name && rooms.contains(&room.as_str()));
        assert!(inside, "{name} is named in none of {rooms:?}: does this test still see the code?");
        let outside: Vec<_> =
            found.iter().filter(|(other, room, _)| *other == name && !rooms.contains(&room.as_str())).collect();
        assert!(outside.is_empty(), "{name} may be named in {rooms:?} only, and is in {outside:?}");
    }
}

#[test]
fn the_root_re_exports_nothing() {
    let root = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    assert!(!code(&root).contains("use "), "lib.rs names rooms and nothing else: a re-export there is a way around");
}

#[test]
fn this_test_sees_upward_paths() {
    let upward = "use crate::{persona::Bank, web::{self, Page}};\nfn f() { crate::cli::main(); }\npub use crate::agents::X;\n// crate::training\nlet x = super::super::store::open();";
    assert_eq!(root_names(&code(upward)), ["persona", "web", "cli", "agents", "store"]);
}
