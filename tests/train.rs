//! Training from texts to a model that loads: tokenizer, language model, resuming, what is masked, what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use kindred::dialogue::Speaker;
use kindred::nn::{DeviceChoice, Llama, LoadOptions};
use kindred::training::corpus::{Content, Corpus, Places, Source};
use kindred::training::example::{Examples, Weights};
use kindred::training::lm::{Event, Outcome, Trainer};
use kindred::training::optimizer::Method;
use kindred::training::settings::{Length, LmSettings, Mix, Shape};
use kindred::training::{TrainingError, tokenizer};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Talks so alike that a tiny model learns them in a few steps.
fn toy(folder: &Path) {
    let pets = ["cat", "dog", "bird", "horse", "fish", "goat"];
    let rows: Vec<String> = (0..60)
        .map(|at| {
            let pet = pets[at % pets.len()];
            let turn = |speaker: &str, aspect: &str, utterance: String| {
                json!({"speaker": speaker, "choose_info": {"aspect": aspect}, "utterance": utterance})
            };
            json!({
                "seeker_info": {"seeker_statement": format!("You lost your {pet}."), "seeker_profile_trans": {}},
                "supporter_info": {
                    "supporter_statement": "You listen.",
                    "supporter_profile_trans": {"hobby": format!("You draw your {pet} at night.")},
                },
                "dial": [
                    turn("seeker", "", "Hello".into()),
                    turn("seeker", "", format!("My {pet} died and the house is quiet number {at}.")),
                    turn("supporter", "hobby", format!("I am sorry about your {pet}. At night I draw mine.")),
                    turn("seeker", "", format!("Yes, I miss the {pet} so much every day.")),
                    turn("supporter", "", format!("Tell me what the {pet} was like, please.")),
                ],
            })
            .to_string()
        })
        .collect();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("toy.jsonl"), rows.join("\n")).unwrap();
}

fn read(folder: &Path) -> Result<Corpus, TrainingError> {
    Corpus::read(&Places { dialogues: Some(folder.to_owned()), ..Places::default() })
}

fn settings(length: Length) -> LmSettings {
    LmSettings {
        shape: Shape { width: 32, layers: 2, heads: 2, inner: 64, context: 128 },
        length,
        rate: 1e-2,
        warmup: 2,
        decay: 0.1,
        clip: 1.0,
        method: Method::Muon,
        batch_tokens: 256,
        accumulate: 2,
        longest: 128,
        weights: Weights::default(),
        mix: Mix { authored: 1.5, ..Mix::default() },
        valid_share: 0.1,
        valid_every: 1_000,
        save_every: 1e9,
        seed: 5,
    }
}

/// A corpus and its tokenizer in one folder.
fn prepared() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    toy(&folder.path().join("data"));
    let corpus = read(&folder.path().join("data")).unwrap();
    let trained = tokenizer::train(&corpus.documents, 400).unwrap();
    tokenizer::save(&trained, &folder.path().join("tokenizer")).unwrap();
    folder
}

fn create(folder: &Path, run: &str, settings: LmSettings) -> Result<Trainer, TrainingError> {
    let corpus = read(&folder.join("data")).unwrap();
    Trainer::create(&folder.join(run), &folder.join("tokenizer"), settings, corpus, DeviceChoice::Cpu)
}

fn train(folder: &Path, run: &str, settings: LmSettings) -> Result<Outcome, TrainingError> {
    create(folder, run, settings)?.train(&AtomicBool::new(false), &mut |_| {})
}

fn losses(run: &Path) -> Vec<f64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64()).collect()
}

#[test]
fn a_tokenizer_is_trained_and_gives_back_every_text() {
    let folder = prepared();
    let tokenizer = tokenizer::load(&folder.path().join("tokenizer")).unwrap();
    for (id, token) in tokenizer::SPECIAL.iter().enumerate() {
        assert_eq!(tokenizer.token_to_id(token), Some(id as u32));
    }
    for text in ["I am sorry about your cat.", " two  spaces\n", "Señora \u{1f60a} 猫", "<|eos|> is just text"] {
        let ids = tokenizer.encode(text, false).unwrap();
        assert!(ids.get_ids().iter().all(|&id| id > 2), "{text:?} holds a special token");
        assert_eq!(tokenizer.decode(ids.get_ids(), true).unwrap(), text);
    }
    let tag = "<SUPPORTER>[INFO-]";
    assert!(tokenizer.encode(tag, false).unwrap().len() <= tag.len() / 2, "the tags were seen in training");
    let corpus = read(&folder.path().join("data")).unwrap();
    assert!(matches!(tokenizer::train(&corpus.documents, 100), Err(TrainingError::Setting { .. })));
}

#[test]
fn only_what_is_said_counts_fully_and_memories_never_count() {
    let folder = prepared();
    let tokenizer = tokenizer::load(&folder.path().join("tokenizer")).unwrap();
    let corpus = read(&folder.path().join("data")).unwrap();
    let Content::Conversation(talk) = &corpus.documents[0].content else { panic!("expected a conversation") };
    assert_eq!(talk.turns[0].speaker, Speaker::Seeker);
    assert_eq!(talk.turns[0].text, "My cat died and the house is quiet number 0.", "the greeting is dropped");
    let counted = |weights: Weights, longest: usize, wanted: f32| {
        let mut examples = Examples::new(tokenizer.clone(), weights, longest).unwrap();
        let example = examples.window(talk, 0, 1).unwrap()?;
        assert_eq!(example.ids.len(), example.weights.len());
        let counted = example.ids.iter().zip(&example.weights).filter(|(_, weight)| **weight == wanted);
        Some(tokenizer.decode(&counted.map(|(id, _)| *id).collect::<Vec<_>>(), false).unwrap())
    };
    let all = Weights { statement: 0.25, history: 0.5, passage: 0.5 };
    assert_eq!(counted(all, 128, 1.0).unwrap(), "I am sorry about your cat. At night I draw mine.<|eos|>");
    assert_eq!(counted(all, 128, 0.25).unwrap(), "<SYSTEM>You listen.");
    assert_eq!(counted(all, 128, 0.5).unwrap(), "<SEEKER>My cat died and the house is quiet number 0.");
    assert_eq!(counted(all, 128, 0.0).unwrap(), "<SUPPORTER>[INFO-You draw your cat at night.]");
    let published = counted(Weights::REPLY_ONLY, 128, 0.0).unwrap();
    assert!(published.starts_with("<SYSTEM>You listen.<SEEKER>My cat died"), "{published}");
    // The oldest turns give way; a row that cannot hold statement, memory and reply is none.
    let mut examples = Examples::new(tokenizer.clone(), all, 128).unwrap();
    let whole = examples.window(talk, 0, 1).unwrap().unwrap().ids.len();
    assert_eq!(counted(all, whole - 1, 0.5).unwrap(), "");
    assert_eq!(counted(all, 12, 1.0), None);
}

#[test]
fn the_split_keeps_groups_whole_and_is_the_same_for_the_same_seed() {
    let folder = prepared();
    let split = |seed| read(&folder.path().join("data")).unwrap().split(0.1, seed);
    let (train, valid) = split(3);
    assert_eq!(train.len() + valid.len(), 60);
    assert!((1..20).contains(&valid.len()), "{}", valid.len());
    assert_eq!(split(3).1, valid);
    assert_ne!(split(4).1, valid);
    assert!(train.iter().all(|document| valid.iter().all(|other| other.group != document.group)));
    // What is added later moves nobody across.
    fs::write(folder.path().join("data/zoo.jsonl"), fs::read(folder.path().join("data/toy.jsonl")).unwrap()).unwrap();
    let (more_train, more_valid) = split(3);
    assert!(valid.iter().all(|document| more_valid.contains(document)));
    assert!(train.iter().all(|document| more_train.contains(document)));
}

#[test]
fn characters_decide_the_side_and_those_of_test_are_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for name in ["bank", "dialogues"] {
        fs::create_dir_all(path.join(name)).unwrap();
    }
    let person = |index: u32| {
        json!({"index": index, "mbti": "INTJ", "profile": {}, "seeker_statement": format!("You are {index}."),
            "supporter_statement": "You listen.", "profile_trans": {}})
        .to_string()
    };
    fs::write(path.join("bank/all.jsonl"), (0..6).map(person).collect::<Vec<_>>().join("\n")).unwrap();
    let talk = |seeker: u32, supporter: u32| {
        json!({"seeker": seeker, "supporter": supporter, "dial": [
            {"speaker": "seeker", "utterance": "I have been awake since four."},
            {"speaker": "supporter", "utterance": "What woke you at that hour?"},
        ]})
        .to_string()
    };
    let write = |talks: &[String]| fs::write(path.join("dialogues/a.jsonl"), talks.join("\n")).unwrap();
    fs::write(path.join("splits.json"), r#"{"train": [0, 1], "valid": [2, 3], "test": [4, 5]}"#).unwrap();
    let read = |splits: Option<&str>| {
        Corpus::read(&Places {
            dialogues: Some(path.join("dialogues")),
            bank: Some(path.join("bank")),
            splits: splits.map(|name| path.join(name)),
            ..Places::default()
        })
    };
    write(&[talk(0, 1), talk(2, 3), talk(4, 5), talk(5, 4)]);
    let corpus = read(Some("splits.json")).unwrap();
    assert_eq!(corpus.held_out, 2);
    let (train, valid) = corpus.split(0.5, 9);
    let seekers = |documents: &[kindred::training::corpus::Document]| -> Vec<String> {
        documents
            .iter()
            .map(|document| match &document.content {
                Content::Conversation(talk) => talk.seeker_statement.clone(),
                Content::Passage(text) => text.clone(),
            })
            .collect()
    };
    assert_eq!((seekers(&train), seekers(&valid)), (vec!["You are 0.".to_owned()], vec!["You are 2.".to_owned()]));
    assert_eq!(read(None).unwrap().documents.len(), 4);
    write(&[talk(0, 1), talk(1, 4)]);
    let told = read(Some("splits.json")).unwrap_err().to_string();
    assert!(told.contains("line 2") && told.contains("found train and test"), "{told}");
    assert!(read(Some("none.json")).unwrap_err().to_string().contains("none.json"));
}

#[test]
fn the_splits_that_ship_go_with_the_bank_that_ships_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kindred"))
            .args(["train", "tokenizer", "--vocabulary", "400", "--out"])
            .arg(folder.path().join(arguments.join("-").replace(['/', '.'], "_")))
            // Nothing but the dialogues, which is quick.
            .arg("--data")
            .arg(folder.path())
            .arg("--plain")
            .arg(folder.path())
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap()
    };
    for bank in ["bank", "./bank/"] {
        assert!(said(&["--bank", bank]).contains("left out 318 dialogues of the test split"), "{bank}");
    }
    assert!(!said(&["--splits", "none"]).contains("left out"));
}

#[test]
fn a_tiny_model_learns_its_corpus_and_loads() {
    let folder = prepared();
    let run = folder.path().join("run");
    let mut said = None;
    let outcome = create(folder.path(), "run", settings(Length::Steps(60)))
        .unwrap()
        .train(&AtomicBool::new(false), &mut |event| {
            if let Event::Valid { losses, .. } = event {
                said = Some(losses);
            }
        })
        .unwrap();
    assert_eq!(outcome, Outcome::Done);
    let losses = losses(&run);
    assert_eq!(losses.len(), 60);
    assert!((losses[0] - 400f64.ln()).abs() < 0.5, "an untrained model knows nothing: {}", losses[0]);
    assert!(losses[59] < 1.5, "{}", losses[59]);
    let valid = said.unwrap();
    assert_eq!(valid[0].0, Source::Authored);
    assert!(valid[0].1 < 2.0, "{valid:?}");
    let model = Llama::load(&run.join("model"), LoadOptions::default()).unwrap();
    assert_eq!(model.config().max_position_embeddings, 128);
    assert_eq!(model.config().eos_token_ids, [2]);
    assert!(run.join("model/tokenizer_config.json").is_file());
    let again = create(folder.path(), "run", settings(Length::Steps(1)));
    assert!(matches!(again, Err(TrainingError::Run { .. })), "a run is never overwritten");
}

#[test]
fn a_resumed_run_goes_on_as_if_it_had_never_stopped() {
    let folder = prepared();
    let path = folder.path();
    train(path, "whole", settings(Length::Steps(40))).unwrap();
    let stop = AtomicBool::new(false);
    let mut first = create(path, "parts", settings(Length::Steps(40))).unwrap();
    let outcome = first.train(&stop, &mut |event| {
        if matches!(event, Event::Step { step: 23, .. }) {
            stop.store(true, Ordering::Relaxed);
        }
    });
    assert_eq!((outcome.unwrap(), first.place().step), (Outcome::Interrupted, 23));
    drop(first);
    let corpus = read(&path.join("data")).unwrap();
    let mut second = Trainer::resume(&path.join("parts"), corpus, false, |_| {}, DeviceChoice::Cpu).unwrap();
    assert_eq!(second.place().step, 23);
    assert_eq!(second.train(&AtomicBool::new(false), &mut |_| {}).unwrap(), Outcome::Done);
    let (whole, parts) = (losses(&path.join("whole")), losses(&path.join("parts")));
    assert_eq!(parts.len(), 40);
    for (step, (a, b)) in whole.iter().zip(&parts).enumerate() {
        assert!((a - b).abs() < 1e-4, "step {}: {a} and {b}", step + 1);
    }
    let names = fs::read_dir(path.join("parts")).unwrap().map(|entry| entry.unwrap().file_name());
    let checkpoints = names.filter(|name| name.to_string_lossy().starts_with("checkpoint-"));
    assert_eq!(checkpoints.count(), 1, "older checkpoints are removed");
}

#[test]
fn changed_data_is_taken_only_on_purpose_and_damage_is_named() {
    let folder = prepared();
    let path = folder.path();
    train(path, "run", settings(Length::Steps(3))).unwrap();
    let text = fs::read_to_string(path.join("data/toy.jsonl")).unwrap();
    fs::write(path.join("data/toy.jsonl"), text.replace("quiet", "empty")).unwrap();
    let resume = |new_data| {
        let more = |settings: &mut LmSettings| settings.length = Length::Steps(5);
        Trainer::resume(&path.join("run"), read(&path.join("data")).unwrap(), new_data, more, DeviceChoice::Cpu)
    };
    let refused = resume(false).err().unwrap().to_string();
    assert!(refused.contains("toy.jsonl") && refused.contains("--new-data"), "{refused}");
    let mut taken = resume(true).unwrap();
    assert_eq!((taken.place().step, taken.place().epoch), (3, 1));
    taken.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
    let beside = resume(false).err().unwrap().to_string();
    assert!(beside.contains("another Kindred is training here"), "{beside}");
    drop(taken);
    let weights = path.join("run/checkpoint-00000005/weights.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let damaged = resume(false).err().unwrap();
    assert!(matches!(damaged, TrainingError::Checkpoint { .. }), "{damaged}");
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_with_advice() {
    let folder = prepared();
    let wild = LmSettings { rate: 1e30, ..settings(Length::Steps(50)) };
    let error = train(folder.path(), "run", wild).unwrap_err();
    assert!(matches!(error, TrainingError::NotANumber { .. }), "{error}");
    assert!(error.to_string().contains("--lr"));
}

#[test]
fn a_malformed_row_is_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let dialogues = path.join("dialogues");
    for (row, expected) in [
        ("{not json", "toy.jsonl, line 61: expected a JSON object"),
        (r#"{"seeker": 3, "supporter": 4, "dial": []}"#, "line 61: expected character 3 in the bank"),
        (r#"{"seeker_info": {}, "supporter_info": {}, "dial": [{"speaker": "cat"}]}"#, "line 61: dial:"),
    ] {
        toy(&dialogues);
        let text = fs::read_to_string(dialogues.join("toy.jsonl")).unwrap();
        fs::write(dialogues.join("toy.jsonl"), format!("{text}\n{row}\n")).unwrap();
        let error = read(&dialogues).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let data = path.join("data");
    fs::create_dir_all(data.join("synthetic-persona-chat")).unwrap();
    let rows = "a,b,c\n\"I sail.\nI sew.\",I cook.,\"User 1: Hi\"\nonly,two\n";
    fs::write(data.join("synthetic-persona-chat/valid.csv"), rows).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kindred"))
        .args(["train", "tokenizer", "--data"])
        .arg(&data)
        .args(["--dialogues", "none", "--out"])
        .arg(path.join("tokenizer"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("none: there is no such file or folder"), "{said}");
    let output = Command::new(env!("CARGO_BIN_EXE_kindred"))
        .args(["train", "tokenizer", "--data"])
        .arg(&data)
        .arg("--out")
        .arg(path.join("tokenizer"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("valid.csv, line 4"), "{said}");
}

#[test]
fn answers_without_a_persona_are_lent_one_from_the_bank() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("data/counsel-chat")).unwrap();
    fs::create_dir_all(path.join("bank")).unwrap();
    let person = json!({"index": 0, "mbti": "INTJ", "profile": {}, "profile_trans": {}, "seeker_statement": "You are Ada.",
        "supporter_statement": "You are Ada. You listen."});
    fs::write(path.join("bank/intj.jsonl"), person.to_string()).unwrap();
    let mut rows = "questionID,questionTitle,questionText,answerText\n".to_owned();
    for number in 0..60 {
        rows += &format!(
            "{number},Sleep,I am awake all night number {number}.,It can help to get up again and to read for half an hour.\n"
        );
    }
    fs::write(path.join("data/counsel-chat/counsel.csv"), rows).unwrap();
    let read = |bank: Option<&str>| {
        let places =
            Places { data: Some(path.join("data")), bank: bank.map(|bank| path.join(bank)), ..Places::default() };
        let documents = Corpus::read(&places).unwrap().documents;
        let statements = documents.into_iter().filter_map(|document| match document.content {
            Content::Conversation(talk) => Some(talk.supporter_statement),
            Content::Passage(_) => None,
        });
        statements.filter(|statement| !statement.is_empty()).collect::<Vec<_>>()
    };
    let lent = read(Some("bank"));
    assert!((50..110).contains(&lent.len()), "{} of 120", lent.len());
    assert!(lent.iter().any(|statement| statement == "You are Ada."));
    assert!(lent.iter().any(|statement| statement == "You are Ada. You listen."));
    assert!(read(None).is_empty());
}

#[test]
fn plain_talks_keep_their_memories_and_a_wrong_row_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: String| {
        fs::write(folder.path().join("talks.jsonl"), text).unwrap();
        Corpus::read(&Places { plain: Some(folder.path().to_owned()), ..Places::default() })
    };
    let row = json!({
        "topic": "cat", "seeker": "You are Ada.", "supporter": "You are Bo.",
        "dial": [["seeker", "", "My cat ran off."], ["supporter", "You lost a dog.", "I lost a dog. When did she go?"]],
    });
    let corpus = read(format!("{row}\n")).unwrap();
    let Content::Conversation(talk) = &corpus.documents[0].content else { panic!("{:?}", corpus.documents) };
    assert_eq!(corpus.documents[0].source, Source::Plain);
    assert_eq!((talk.seeker_statement.as_str(), talk.supporter_statement.as_str()), ("You are Ada.", "You are Bo."));
    assert_eq!(talk.turns[0].memory, None);
    assert_eq!(talk.turns[1].memory.as_ref().map(|memory| memory.content.as_str()), Some("You lost a dog."));
    let error = read(format!("{row}\n{{\"seeker\": 3}}\n")).unwrap_err().to_string();
    assert!(error.contains("talks.jsonl") && error.contains("line 2"), "{error}");
}

#[test]
fn no_data_is_an_error_that_says_what_would_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("no text to learn from") && error.contains("counsel-chat"), "{error}");
}
