//! A small corpus, and the commands that read it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{kindred, people};

/// A corpus of four people and two dialogues, for tests to spoil.
pub struct World {
    pub dialogues: Vec<Value>,
    pub splits: Value,
    pub messages: Vec<Value>,
    pub replies: Vec<Value>,
    pub plain: Vec<Value>,
    pub facts: Vec<Value>,
}

/// What spoils a world.
pub type Change = fn(&mut World);

pub fn world() -> World {
    let message =
        |at: usize| json!({"text": format!("Message number {at}."), "label": "none", "note": "hard: no", "writer": 1});
    let reply = |at: usize| json!({"text": format!("Reply number {at}."), "label": "safe", "writer": 1});
    World {
        dialogues: vec![dialogue(0, 0, 1), dialogue(1, 2, 3)],
        splits: json!({"train": [0, 1], "valid": [], "test": [2, 3]}),
        messages: (0..3).map(message).collect(),
        replies: (0..3).map(reply).collect(),
        plain: vec![
            json!({"topic": "rain", "seeker": "You are Al.", "supporter": "You are Di.",
            "dial": [["seeker", "", "It rains on my one free day."], ["supporter", "", "Then come in and sit down."]]}),
            json!({"person": "Ida", "statement": "You are Ida Oz, a cook.", "memories": {"hobby": "You row."}}),
            json!({"topic": "sleep", "seeker": "You are Al.", "supporter": "Ida",
            "dial": [["seeker", "", "I lie awake again."], ["supporter", "hobby", "I row until I am tired. "]]}),
        ],
        facts: vec![facts(0, "hobby"), facts(0, "tone"), facts(2, "hobby"), facts(2, "tone")],
    }
}

/// Three facts of somebody, with all that is asked and answered.
pub fn facts(character: u32, aspect: &str) -> Value {
    let name = people(4)[character as usize]["profile"]["name"].clone();
    let name = name.as_str().unwrap();
    let three = |what: &str| [0, 1, 2].map(|at| format!("{what} {at} about the {aspect} that {name} has always had."));
    json!({"character": character, "aspect": aspect, "statements": three("Fact"), "asks": three("Query"),
        "open": format!("Query about the whole {aspect} of {name}?"), "replies": three("Reply")})
}

pub fn dialogue(index: usize, seeker: u32, supporter: u32) -> Value {
    talk(index, seeker, supporter, 10)
}

pub fn talk(index: usize, seeker: u32, supporter: u32, turns: usize) -> Value {
    let turn = |at: usize| {
        let said: Vec<String> = (0..8).map(|word| format!("word{word}turn{at}talk{index}")).collect();
        let said = said.join(" ") + ".";
        match at % 2 {
            0 => json!({"turn": at, "speaker": "seeker", "utterance": said, "mood": 2, "emotion": "sadness"}),
            _ if at == 3 => {
                json!({"turn": at, "speaker": "supporter", "choose_info": {"aspect": "hobby"}, "utterance": said,
                "strategy": "Self-disclosure"})
            }
            _ => json!({"turn": at, "speaker": "supporter", "utterance": said, "strategy": "Question"}),
        }
    };
    json!({"index": index, "seeker": seeker, "supporter": supporter, "dial": (0..turns).map(turn).collect::<Vec<_>>(),
        "rating": {"mood": 4, "solved": 3, "active": 5, "reason": "It went well."}})
}

/// Writes the world; returns the corpus and the bank.
pub fn write(dir: &Path, world: &World) -> (PathBuf, PathBuf) {
    let lines = |rows: &[Value]| rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let corpus = dir.join("corpus");
    for folder in ["dialogues", "safety", "plain", "faithfulness"] {
        std::fs::create_dir_all(corpus.join(folder)).unwrap();
    }
    std::fs::write(corpus.join("dialogues/a.jsonl"), lines(&world.dialogues)).unwrap();
    std::fs::write(corpus.join("splits.json"), world.splits.to_string()).unwrap();
    std::fs::write(corpus.join("safety/messages.jsonl"), lines(&world.messages)).unwrap();
    std::fs::write(corpus.join("safety/replies.jsonl"), lines(&world.replies)).unwrap();
    std::fs::write(corpus.join("plain/p.jsonl"), lines(&world.plain)).unwrap();
    std::fs::write(corpus.join("faithfulness/f.jsonl"), lines(&world.facts)).unwrap();
    let bank = dir.join("bank.jsonl");
    std::fs::write(&bank, lines(&people(4))).unwrap();
    (corpus, bank)
}

pub fn run(action: &[&str], (corpus, bank): &(PathBuf, PathBuf)) -> std::process::Output {
    let places = ["--corpus", corpus.to_str().unwrap(), "--bank", bank.to_str().unwrap()];
    kindred(&[&["corpus"], action, &places].concat())
}
