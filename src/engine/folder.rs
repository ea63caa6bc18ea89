//! What a model's folder says besides its weights: how to lay out prompts, which tokens end a reply.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{GenerateRequest, LoadError, Sampling, validate};
use crate::dialogue::{ChatTemplate, Layout, PromptStyle};

/// Pins how prompts are laid out for a model: `{"prompt_style": "trained" | "demo" | "chat"}`.
const PIN_FILE: &str = "kindred.json";
const GENERATION_CONFIG: &str = "generation_config.json";
/// The largest tokenizers (of 262,144 entries) take half of it.
const LONGEST_FILE: u64 = 64 << 20;

#[derive(Deserialize)]
struct Pin {
    prompt_style: Option<Style>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Style {
    Trained,
    Demo,
    Chat,
}

/// How prompts for this model are laid out: as `kindred.json` says, else by its chat template, else with the tags.
pub(super) fn layout(folder: &Path) -> Result<Layout, LoadError> {
    let path = folder.join(PIN_FILE);
    let style = match read_json(&path)? {
        Some(value) => {
            Pin::deserialize(value)
                .map_err(|error| LoadError::File {
                    path: path.clone(),
                    expected: r#"{"prompt_style": "trained" | "demo" | "chat"}"#,
                    found: error.to_string(),
                })?
                .prompt_style
        }
        None => None,
    };
    let template = || ChatTemplate::load(folder).map_err(LoadError::Template);
    match style {
        Some(Style::Trained) => Ok(Layout::Tags(PromptStyle::Trained)),
        Some(Style::Demo) => Ok(Layout::Tags(PromptStyle::Demo)),
        Some(Style::Chat) => template()?.map(Layout::Chat).ok_or(LoadError::File {
            path,
            expected: "a chat template in the folder, since prompt_style is chat",
            found: "none".into(),
        }),
        None => Ok(template()?.map(Layout::Chat).unwrap_or_default()),
    }
}

/// The names and ids of the tokens that begin and end a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Begins it.
    pub(super) bos_token: Option<String>,
    /// As above, by id.
    pub(super) bos_id: Option<u32>,
    /// Ends it.
    pub(super) eos_token: Option<String>,
    /// Any of these ends it as well.
    pub(super) eos_ids: BTreeSet<u32>,
}

/// Reads the marks from `generation_config.json`, `config.json` and `tokenizer_config.json`.
pub(super) fn marks(folder: &Path) -> Result<Marks, LoadError> {
    let mut marks = Marks::default();
    for name in [GENERATION_CONFIG, "config.json"] {
        let config = read_json(&folder.join(name))?.unwrap_or_default();
        let ids = |key: &str| match &config[key] {
            Value::Array(ids) => ids.iter().filter_map(id).collect(),
            one => id(one).into_iter().collect::<Vec<_>>(),
        };
        marks.eos_ids.extend(ids("eos_token_id"));
        marks.bos_id = marks.bos_id.or(ids("bos_token_id").first().copied());
    }
    let config = read_json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
    let text = |key: &str| config[key].as_str().or_else(|| config[key]["content"].as_str()).map(str::to_owned);
    marks.bos_token = text("bos_token");
    marks.eos_token = text("eos_token");
    Ok(marks)
}

/// How a model speaks best: what its `generation_config.json` names, the defaults for the rest.
pub(super) fn sampling(folder: &Path) -> Result<Sampling, LoadError> {
    let path = folder.join(GENERATION_CONFIG);
    let named: Named = match read_json(&path)? {
        None => return Ok(Sampling::default()),
        Some(value) => serde_json::from_value(value).map_err(|error| LoadError::File {
            path: path.clone(),
            expected: "numbers for temperature, top_p, top_k, min_p and repetition_penalty",
            found: error.to_string(),
        })?,
    };
    let usual = Sampling::default();
    let sampling = Sampling {
        temperature: named.temperature.unwrap_or(usual.temperature),
        top_p: named.top_p.unwrap_or(usual.top_p),
        top_k: named.top_k.unwrap_or(usual.top_k),
        min_p: named.min_p.unwrap_or(usual.min_p),
        repetition_penalty: named.repetition_penalty.unwrap_or(usual.repetition_penalty),
        ..usual
    };
    let request = GenerateRequest { sampling, ..GenerateRequest::default() };
    match validate::validate(&request) {
        Ok(()) => Ok(request.sampling),
        Err(error) => Err(LoadError::File {
            path,
            expected: "sampling in the ranges of `transformers`",
            found: error.to_string(),
        }),
    }
}

/// The keys of `generation_config.json` that say how tokens are drawn.
#[derive(Deserialize)]
struct Named {
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<usize>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
}

fn id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// Refuses a file that no model's folder has: it would be read whole into memory.
///
/// # Errors
/// [`LoadError::File`] above [`LONGEST_FILE`]. A file that is not there is left for its reader to miss.
pub(super) fn check_length(path: &Path) -> Result<(), LoadError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > LONGEST_FILE => Err(LoadError::File {
            path: path.to_owned(),
            expected: "at most 64 MiB",
            found: format!("{} bytes", metadata.len()),
        }),
        _ => Ok(()),
    }
}

fn read_json(path: &Path) -> Result<Option<Value>, LoadError> {
    check_length(path)?;
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| LoadError::File {
            path: path.to_owned(),
            expected: "JSON",
            found: error.to_string(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LoadError::Io { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        folder
    }

    const CHAT: (&str, &str) = ("chat_template.jinja", "{{ messages[0].content }}");

    #[test]
    fn tags_unless_there_is_a_template_and_a_pin_settles_it() {
        let style = |files: &[(&str, &str)]| layout(folder(files).path()).unwrap();
        assert!(matches!(style(&[]), Layout::Tags(PromptStyle::Trained)));
        assert!(matches!(style(&[CHAT]), Layout::Chat(_)));
        let pin = |text| [CHAT, (PIN_FILE, text)];
        assert!(matches!(style(&pin(r#"{"prompt_style": "demo"}"#)), Layout::Tags(PromptStyle::Demo)));
        assert!(matches!(style(&pin(r#"{"prompt_style": "trained"}"#)), Layout::Tags(PromptStyle::Trained)));
        assert!(matches!(style(&pin(r#"{"prompt_style": "chat"}"#)), Layout::Chat(_)));
    }

    #[test]
    fn a_pin_that_cannot_be_kept_says_why() {
        let message = |text: &str| layout(folder(&[(PIN_FILE, text)]).path()).unwrap_err().to_string();
        assert!(message(r#"{"prompt_style": "loud"}"#).contains("unknown variant `loud`"));
        assert!(message(r#"{"prompt_style": "chat"}"#).contains("expected a chat template"));
    }

    #[test]
    fn a_file_too_large_is_refused_unread() {
        let folder = folder(&[(PIN_FILE, "{}")]);
        // A hole, not bytes on a disk.
        File::options().write(true).open(folder.path().join(PIN_FILE)).unwrap().set_len(LONGEST_FILE + 1).unwrap();
        let message = layout(folder.path()).unwrap_err().to_string();
        assert!(message.contains("kindred.json: expected at most 64 MiB, found 67108865 bytes"), "{message}");
    }

    #[test]
    fn a_model_may_say_how_it_speaks_best() {
        let of = |text: &str| sampling(folder(&[(GENERATION_CONFIG, text)]).path());
        assert_eq!(sampling(folder(&[]).path()).unwrap(), Sampling::default());
        let named =
            of(r#"{"eos_token_id": 2, "temperature": 0.6, "repetition_penalty": 1.05, "top_k": null}"#).unwrap();
        assert_eq!(named, Sampling { temperature: 0.6, repetition_penalty: 1.05, ..Sampling::default() });
        let message = |text: &str| of(text).unwrap_err().to_string();
        assert!(message(r#"{"temperature": "hot"}"#).contains("generation_config.json: expected numbers"));
        assert!(message(r#"{"top_p": 7}"#).contains("top_p"));
    }

    #[test]
    fn marks_come_from_all_three_files() {
        let found = marks(
            folder(&[
                ("config.json", r#"{"bos_token_id": 1, "eos_token_id": 2}"#),
                ("generation_config.json", r#"{"eos_token_id": [7, 9]}"#),
                ("tokenizer_config.json", r#"{"bos_token": "<s>", "eos_token": {"content": "<|im_end|>"}}"#),
            ])
            .path(),
        )
        .unwrap();
        assert_eq!((found.bos_id, found.bos_token.as_deref()), (Some(1), Some("<s>")));
        assert_eq!((found.eos_ids, found.eos_token.as_deref()), ([2, 7, 9].into(), Some("<|im_end|>")));
    }
}
