//! SHA-256 of files, held against a list as `sha256sum` writes it, or a JSON object of names and sums.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Lists that a model's folder may hold.
const LISTS: [&str; 2] = ["SHA256SUMS", "checksums.json"];
/// A list of files is short; more is none.
const LONGEST_LIST: u64 = 1 << 20;
const BLOCK: usize = 1 << 20;
/// Hexadecimal digits of a sum.
const DIGITS: usize = 64;

/// What holding files against a list gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// Files that are as listed.
    pub(super) same: usize,
    /// Files past the bytes that may be read; they were not looked at.
    pub(super) left: usize,
    /// What is wrong, each in words.
    pub(super) wrong: Vec<String>,
}

/// The list in a folder, by name and text, if it holds one.
pub(super) fn list_in(folder: &Path) -> io::Result<Option<(&'static str, String)>> {
    for name in LISTS {
        let path = folder.join(name);
        if path.is_file() {
            let mut text = String::new();
            File::open(&path)?.take(LONGEST_LIST).read_to_string(&mut text)?;
            return Ok(Some((name, text)));
        }
    }
    Ok(None)
}

/// Reads a list: name to sum. `None` for a text that is no list.
pub(super) fn parse(text: &str) -> Option<BTreeMap<String, String>> {
    let sums: BTreeMap<String, String> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).ok()?
    } else {
        let line = |line: &str| {
            let (sum, name) = line.split_once(' ')?;
            Some((name.trim_start_matches([' ', '*']).to_owned(), sum.to_owned()))
        };
        text.lines().filter(|line| !line.trim().is_empty()).map(line).collect::<Option<_>>()?
    };
    let sum = |sum: &String| sum.len() == DIGITS && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!sums.is_empty() && sums.values().all(sum)).then_some(sums)
}

/// Holds the files of a folder against their sums, reading at most `most` bytes.
pub(super) fn compare(folder: &Path, sums: &BTreeMap<String, String>, most: u64) -> Compared {
    let mut compared = Compared::default();
    let mut read: u64 = 0;
    for (name, expected) in sums {
        // The list may come from strangers: it speaks of its own folder only.
        if Path::new(name).file_name().is_none_or(|last| last != name.as_str()) {
            compared.wrong.push(format!("{name:?} is listed, which is no file of the folder"));
            continue;
        }
        let path = folder.join(name);
        let length = std::fs::metadata(&path).map_or(0, |file| file.len());
        if read.saturating_add(length) > most {
            compared.left += 1;
            continue;
        }
        read += length;
        match sha256(&path) {
            Ok(found) if found.eq_ignore_ascii_case(expected) => compared.same += 1,
            Ok(found) => compared.wrong.push(format!("{name} has SHA-256 {found}, expected {expected}")),
            Err(error) => compared.wrong.push(format!("{name} cannot be read: {error}")),
        }
    }
    compared
}

/// The sum of a file, in lower-case hexadecimal digits.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => hash.update(&block[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc" (FIPS 180-2, appendix B.1).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn files_are_held_against_both_kinds_of_list() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "abc").unwrap();
        std::fs::write(folder.path().join("b"), "abd").unwrap();
        let compared = |text: &str, most: u64| compare(folder.path(), &parse(text).unwrap(), most);
        assert_eq!(compared(&format!("{ABC}  a\n"), 10), Compared { same: 1, ..Compared::default() });
        assert_eq!(compared(&format!("{{\"a\": \"{ABC}\"}}"), 10).same, 1);
        let both = format!("{ABC} *a\n{ABC}  b\n{ABC}  gone\n{ABC}  ../a\n");
        let found = compared(&both, 10);
        assert_eq!((found.same, found.wrong.len()), (1, 3), "{found:?}");
        assert!(found.wrong.iter().any(|wrong| wrong.starts_with("b has SHA-256")), "{found:?}");
        assert_eq!(compared(&both, 2).left, 2);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["", "{}", "words of a text", "12  a", "{\"a\": 1}"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
