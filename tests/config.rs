//! The configuration as a user meets it: each layer wins over the one below, every mistake is named, the template and
//! the admin key do what they say. Run with the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod checkpoints;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FAILED: i32 = 1;

/// A folder for files, with a configuration, a cache and a data folder of its own.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the file that is read where none is named.
    fn users_file(&self, text: &str) {
        std::fs::create_dir_all(self.path("config/kindred")).unwrap();
        std::fs::write(self.path("config/kindred/kindred.toml"), text).unwrap();
    }

    /// Runs a command line with these variables and no other of Kindred's.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kindred"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KINDRED_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("share"))
            .env("KINDRED_CACHE", self.path("cache"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// What `kindred config` says of a key: its value and where that came from.
    fn shown(&self, key: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (String, String) {
        let output = self.run(&[&["config"], arguments].concat(), variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let (section, name) = key.split_once('.').unwrap();
        let table: toml::Table = text.parse().unwrap();
        let value = table[section][name].to_string();
        let from = text.split(&format!("[{section}]")).nth(1).unwrap();
        let line = from.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
        (value, line.rsplit_once(" # ").unwrap().1.to_owned())
    }

    /// Standard error of a command that must fail with these words.
    fn refused(&self, arguments: &[&str], variables: &[(&str, &str)], says: &str) -> String {
        let output = self.run(arguments, variables);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(FAILED), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: expected {says:?} in: {told}");
        assert!(!told.contains("panicked"), "{told}");
        told
    }
}

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

#[test]
fn each_layer_wins_over_the_one_below_and_says_so() {
    let place = Place::new();
    let port = |arguments: &[&str], variables: &[(&str, &str)]| place.shown("server.port", arguments, variables);
    assert_eq!(port(&[], &[]), pair("8080", "default"));
    place.users_file("[server]\nport = 8081\n");
    let file = |name: &str, line: u32| format!("file {}, line {line}", place.path(name).display());
    assert_eq!(port(&[], &[]), pair("8081", &file("config/kindred/kindred.toml", 2)));
    std::fs::write(place.path("other.toml"), "\n[server]\nport = 8082\n").unwrap();
    let other = place.path("other.toml");
    let other = other.to_str().unwrap();
    assert_eq!(port(&[], &[("KINDRED_CONFIG", other)]), pair("8082", &file("other.toml", 3)));
    let variables = [("KINDRED_CONFIG", "/nowhere"), ("KINDRED_PORT", "8083")];
    assert_eq!(port(&["--config", other], &variables), pair("8083", "variable KINDRED_PORT"));
    assert_eq!(port(&["--port", "8084"], &[("KINDRED_PORT", "8083")]), pair("8084", "flag --port"));
    assert_eq!(port(&[], &[("KINDRED_SERVER_PORT", "8085")]), pair("8085", "variable KINDRED_SERVER_PORT"));
}

#[test]
fn lists_choices_and_paths_come_from_every_layer() {
    let place = Place::new();
    place.users_file("[server]\nallow_hosts = [\"a.example\"]\n[models]\nmodel = \"mine\"\ndevice = \"cpu\"\n");
    let hosts = |arguments: &[&str], variables: &[(&str, &str)]| {
        place.shown("server.allow_hosts", arguments, variables).0.replace(' ', "")
    };
    assert_eq!(hosts(&[], &[]), "[\"a.example\"]");
    assert_eq!(hosts(&[], &[("KINDRED_SERVER_ALLOW_HOSTS", "b.example, c.example")]), "[\"b.example\",\"c.example\"]");
    assert_eq!(hosts(&["--allow-host", "d", "--allow-host", "e"], &[]), "[\"d\",\"e\"]");
    // A path in a file is seen from the file's folder, wherever the process was started.
    let mine = place.path("config/kindred/mine");
    assert_eq!(place.shown("models.model", &[], &[]).0, format!("{:?}", mine.to_str().unwrap()));
    assert_eq!(place.shown("models.model", &[], &[("KINDRED_MODEL", "x")]), pair("\"x\"", "variable KINDRED_MODEL"));
    assert_eq!(place.shown("models.device", &["--device", "auto"], &[]), pair("\"auto\"", "flag --device"));
    assert_eq!(place.shown("log.filter", &[], &[("KINDRED_LOG", "debug")]), pair("\"debug\"", "variable KINDRED_LOG"));
}

#[test]
fn other_commands_take_what_is_configured() {
    let place = Place::new();
    let bank = place.path("nowhere.jsonl");
    place.users_file(&format!("[models]\nbank = {bank:?}\n"));
    for arguments in [&["bank", "list"][..], &["match", "grief"], &["chat", "--with", "0"], &["serve", "--port", "0"]] {
        place.refused(arguments, &[], bank.to_str().unwrap());
    }
    place.users_file("[models]\nmodel = \"nowhere\"\n");
    let encoder = checkpoints::bert(None);
    let encoder = encoder.path().to_str().unwrap();
    let model = place.path("config/kindred/nowhere");
    let says = format!("there is no model at {}", model.display());
    place.refused(&["chat", "--with", "0", "--encoder", encoder], &[], &says);
}

#[test]
fn every_mistake_is_named_with_where_it_stands() {
    let place = Place::new();
    let file = place.path("config/kindred/kindred.toml");
    let at = |line: u32| format!("file {}, line {line}", file.display());
    let cases = [
        ("[server]\nprot = 80\n", format!("{}: there is no key server.prot; the nearest is server.port", at(2))),
        ("[sever]\nport = 80\n", format!("{}: there is no section sever; the nearest is [server]", at(1))),
        ("[server]\nport = \"80\"\n", format!("server.port ({}): expected a whole number from 0 to 65535", at(2))),
        ("[server]\nport = 70000\n", "found the number 70000".to_owned()),
        (
            "[server]\ntls_key = \"k\"\n",
            format!("expected a path, as server.tls_key is set ({}), found nothing", at(2)),
        ),
        ("[server]\ntrusted_proxies = [\"10.0.0.0/99\"]\n", "found the text \"10.0.0.0/99\" in it".to_owned()),
        ("[log]\nfilter = \"kindred=loud\"\n", "log.filter".to_owned()),
        ("[server\n", format!("{}: expected TOML", at(1))),
    ];
    for (text, says) in cases {
        place.users_file(text);
        place.refused(&["config"], &[], &says);
    }
    // The last of them, through the others.
    for command in [&["serve", "--port", "0"][..], &["chat", "--with", "0"], &["bank", "list"], &["match", "grief"]] {
        place.refused(command, &[], &format!("{}: expected TOML", at(1)));
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    place.refused(&["config"], &[], &format!("cannot read the configuration {}", file.display()));
    place.refused(&["config", "--config", "/nowhere.toml"], &[], "cannot read the configuration /nowhere.toml");
}

#[test]
fn a_variable_that_nobody_knows_or_cannot_read_is_named() {
    let place = Place::new();
    let cases = [
        ("KINDRED_PROT", "80", "there is no variable KINDRED_PROT; the nearest is KINDRED_PORT"),
        ("KINDRED_VISITORS_SESION", "80", "the nearest is KINDRED_VISITORS_SESSIONS"),
        ("KINDRED_PORT", "eighty", "server.port (variable KINDRED_PORT): expected a whole number"),
        ("KINDRED_SERVER_WORKERS", "0", "found the number 0"),
        ("KINDRED_MODEL", "", "models.model (variable KINDRED_MODEL): expected a path, found an empty text"),
        ("KINDRED_LOG_FORMAT", "xml", "expected one of auto, text, json, found the text \"xml\""),
    ];
    for (name, value, says) in cases {
        place.refused(&["serve", "--port", "0"], &[(name, value)], says);
    }
    let told = place.refused(&["config"], &[("KINDRED_SERVER_ADMIN_KEY_HASH", "hunter2")], "server.admin_key_hash");
    assert!(!told.contains("hunter2"), "a secret was told: {told}");
    assert!(place.run(&["config"], &[("KINDRED_CUDA", "0"), ("KINDRED_BINARY", "x")]).status.success());
}

#[test]
fn the_template_can_be_saved_and_gives_the_defaults() {
    let place = Place::new();
    let before = String::from_utf8(place.run(&["config"], &[]).stdout).unwrap();
    let template = String::from_utf8(place.run(&["config", "--default"], &[]).stdout).unwrap();
    assert_eq!(kindred::cli::config::parse(&template).unwrap(), kindred::cli::config::Config::default());
    place.users_file(&template);
    let after = String::from_utf8(place.run(&["config"], &[]).stdout).unwrap();
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(values(&after), values(&before));
    assert!(before.contains("# default") && after.contains("kindred.toml, line "), "{after}");
}

#[test]
fn help_still_names_the_variables() {
    let help = String::from_utf8(Place::new().run(&["serve", "--help"], &[]).stdout).unwrap();
    for name in ["KINDRED_PORT", "KINDRED_HOST", "KINDRED_DATA", "KINDRED_MODEL", "KINDRED_CONFIG"] {
        assert!(help.contains(&format!("[env: {name}]")), "{name} in {help}");
    }
}

#[test]
fn a_server_that_others_reach_needs_a_key() {
    let place = Place::new();
    let data = place.path("my data");
    let data = data.to_str().unwrap();
    let command = format!("run `kindred admin-key --data '{data}'` first");
    place.refused(&["serve", "--host", "0.0.0.0", "--port", "0", "--data", data], &[], &command);
    place.refused(&["serve"], &[("KINDRED_HOST", "::")], "run `kindred admin-key` first");
    assert!(!Path::new(data).exists());

    let made = place.run(&["admin-key", "--data", data], &[]);
    let key = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success() && key.trim().len() == 40, "{key}");
    let file = Path::new(data).join("admin.key");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.starts_with("$argon2id$") && !kept.contains(key.trim()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // With the key it goes on, to the bank that is not there.
    let nowhere = place.path("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let serve = ["serve", "--host", "0.0.0.0", "--port", "0", "--data", data, "--bank", nowhere];
    place.refused(&serve, &[], nowhere);
    let elsewhere = ["serve", "--host", "0.0.0.0", "--port", "0", "--bank", nowhere];
    place.refused(&elsewhere, &[("KINDRED_SERVER_ADMIN_KEY_HASH", kept.trim())], nowhere);

    let again = place.run(&["admin-key", "--data", data], &[]);
    assert!(String::from_utf8(again.stdout).unwrap() != key && std::fs::read_to_string(&file).unwrap() != kept);
    std::fs::write(&file, "a key").unwrap();
    place.refused(&serve, &[], "holds no key's hash: `kindred admin-key` makes a new one");
    let shown = place.shown("server.admin_key_hash", &[], &[("KINDRED_SERVER_ADMIN_KEY_HASH", kept.trim())]);
    assert_eq!(shown, pair("\"(set)\"", "variable KINDRED_SERVER_ADMIN_KEY_HASH"));
}
