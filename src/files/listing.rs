use std::path::{Path, PathBuf};
use std::{fs, io};

/// The files of a folder whose names end in `.extension`, by name; a file itself, whatever its name. Names that begin with a
/// dot are left out: editors keep their locks and drafts under them.
///
/// # Errors
/// The folder cannot be read.
pub fn with_extension(path: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.extension().is_some_and(|end| end == extension) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_by_name_without_the_drafts_of_editors() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.jsonl", "a.jsonl", ".#a.jsonl", "README.md", "a.jsonl.bak"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = with_extension(folder.path(), "jsonl").unwrap();
        assert_eq!(found, [folder.path().join("a.jsonl"), folder.path().join("b.jsonl")]);
        let one = folder.path().join("README.md");
        assert_eq!(with_extension(&one, "jsonl").unwrap(), [one]);
    }
}
