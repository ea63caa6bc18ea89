//! A loss of power: the process is killed, and whatever it had not synced is taken back from its files. The notes of
//! how to undo each write are made by `forgetful.c`, preloaded into the server.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::{Rng, RngExt as _};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/forgetful.c");
const MARK: u64 = 0x6c75_6665_7467_6f66;
/// Bytes of a note before the old bytes.
const HEAD: usize = 32;

/// The shim, compiled, and where it keeps its notes.
pub struct Forgetful {
    library: PathBuf,
    notes: PathBuf,
}

impl Forgetful {
    /// Compiles the shim into this folder; none, with a message, where there is no C compiler.
    pub fn new(folder: &Path) -> Option<Self> {
        let library = folder.join("forgetful.so");
        let notes = folder.join("notes");
        fs::create_dir_all(&notes).unwrap();
        let compiled = Command::new("cc")
            .args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .args([SOURCE, "-lpthread"])
            .status();
        match compiled {
            Ok(status) => {
                assert!(status.success(), "{SOURCE} does not compile");
                Some(Self { library, notes })
            }
            Err(error) => {
                eprintln!("skipped the loss of power: no C compiler ({error})");
                None
            }
        }
    }

    /// What a process needs in its environment for its files in `folder` to be forgotten. A disk that lies says that
    /// it has synced, and has not.
    pub fn environment(&self, folder: &Path, lies: bool) -> Vec<(&'static str, OsString)> {
        let mut environment = vec![
            ("LD_PRELOAD", self.library.clone().into_os_string()),
            ("FORGETFUL_FOLDER", folder.as_os_str().to_owned()),
            ("FORGETFUL_NOTES", self.notes.clone().into_os_string()),
        ];
        // A slow disk: more often than not, power is lost while something is not synced.
        environment.push(("FORGETFUL_PAUSE_US", "4000".into()));
        if lies {
            environment.push(("FORGETFUL_LIES", "1".into()));
        }
        environment
    }

    /// Takes the unsynced writes back from the files of `folder`, and gives how many. A disk may have kept some of
    /// them by chance, and of each file others: `keep_some` has each file keep its oldest few.
    pub fn lose_power(&self, folder: &Path, keep_some: Option<&mut impl Rng>) -> usize {
        let mut taken_back = 0;
        let mut keep_some = keep_some;
        for name in names(&self.notes) {
            let path = folder.join(name.strip_suffix(".undo").unwrap());
            let notes = fs::read(self.notes.join(&name)).unwrap();
            let notes = notes_of(&notes);
            let kept = keep_some.as_mut().map_or(0, |random| random.random_range(0..=notes.len()));
            if let Ok(file) = File::options().write(true).open(&path) {
                for note in notes[kept..].iter().rev() {
                    file.write_all_at(note.old, note.offset).unwrap();
                    file.set_len(note.length).unwrap();
                    taken_back += 1;
                }
            }
            fs::remove_file(self.notes.join(&name)).unwrap();
        }
        for name in names(folder).iter().filter(|name| name.ends_with("-shm")) {
            fs::remove_file(folder.join(name)).unwrap();
        }
        taken_back
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// How to undo one write.
struct Note<'a> {
    offset: u64,
    /// Of the file, before.
    length: u64,
    old: &'a [u8],
}

/// The notes, oldest first. A last one that is not whole belongs to a write that never began.
fn notes_of(mut bytes: &[u8]) -> Vec<Note<'_>> {
    let mut notes = Vec::new();
    while bytes.len() >= HEAD {
        let number = |at: usize| u64::from_le_bytes(bytes[at * 8..at * 8 + 8].try_into().unwrap());
        assert_eq!(number(0), MARK, "the notes are damaged");
        let count = usize::try_from(number(3)).unwrap();
        let Some(old) = bytes.get(HEAD..HEAD + count) else { break };
        notes.push(Note { offset: number(1), length: number(2), old });
        bytes = &bytes[HEAD + count..];
    }
    notes
}

/// Names the folder to the child that writes by hand.
const BY_HAND: &str = "KINDRED_TEST_BY_HAND";

/// What the child that writes by hand does: some writes it syncs, some it does not, and dies.
pub fn write_by_hand() {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let Some(folder) = std::env::var_os(BY_HAND) else { return };
    let folder = PathBuf::from(folder);
    let mut file = File::create(folder.join("file")).unwrap();
    file.write_all(b"synced bytes").unwrap();
    file.sync_data().unwrap();
    file.write_all(b", and more").unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(b"SYNCED").unwrap();
    file.write_all_at(b"BYTES", 7).unwrap();
    file.set_len(4).unwrap();
    let mut never = File::create(folder.join("never")).unwrap();
    never.write_all(b"never synced").unwrap();
    let mut always = File::create(folder.join("always")).unwrap();
    always.write_all(b"always").unwrap();
    always.sync_all().unwrap();
    File::create(folder.join("always")).unwrap();
    fs::write(folder.join("file-shm"), "shared").unwrap();
    std::process::abort();
}

/// Shows that the shim forgets what it should and nothing else.
pub fn check_the_shim(test: &str) {
    let room = tempfile::tempdir().unwrap();
    let Some(forgetful) = Forgetful::new(room.path()) else { return };
    for lies in [false, true] {
        let folder = room.path().join(format!("data-{lies}"));
        fs::create_dir(&folder).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([test, "--exact", "--ignored", "--nocapture"]).env(BY_HAND, &folder);
        child.envs(forgetful.environment(&folder, lies));
        let output = child.output().unwrap();
        assert!(!output.status.success(), "it died by its own hand");
        let content = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!((content("file").as_str(), content("never").as_str()), ("SYNC", "never synced"), "{output:?}");
        assert_eq!(forgetful.lose_power(&folder, None::<&mut rand_chacha::ChaCha8Rng>), if lies { 11 } else { 7 });
        assert!(!folder.join("file-shm").exists());
        let (file, always) = if lies { ("", "") } else { ("synced bytes", "always") };
        assert_eq!((content("file").as_str(), content("never").as_str()), (file, ""));
        assert_eq!(content("always"), always);
    }
}
