//! Chat templates of instruct checkpoints (`chat_template` of `tokenizer_config.json`), rendered with minijinja.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value as Variable, context};
use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;

use super::{Prompt, Speaker, Turn, strftime};
use crate::persona::Memory;

const NAME: &str = "chat";
/// The variant that a list of named templates uses for plain talk.
const DEFAULT_VARIANT: &str = "default";
/// Longest file read for a template, in bytes.
const LONGEST_FILE: u64 = 64 << 20;
/// Steps a template may take: a long talk takes some ten thousand, an endless loop is stopped.
const FUEL: u64 = 5_000_000;
/// Memory that the pattern of all special tokens may take, in bytes.
const LARGEST_PATTERN: usize = 64 << 20;
/// Opens a talk for a template that lets the user speak first, when our side has the first word.
const OPENING: &str = "Hello.";
/// Asks for the next words when our side also had the last.
const GO_ON: &str = "Please go on.";
/// Control texts that templates write although the tokenizer may know no such token.
const WRITTEN_MARKS: [&str; 6] = ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>"];

/// Why a chat template could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template does not parse or does not render.
    #[error("chat template: {0}")]
    Render(#[from] minijinja::Error),
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: expected {expected}, found {found}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
}

/// A compiled chat template with the special tokens it names.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    bos_token: String,
    eos_token: String,
    /// What nobody may type.
    special_tokens: Regex,
    /// Whether the template takes a system message; otherwise its text opens the first message of the user.
    takes_system: bool,
}

struct Message {
    role: &'static str,
    content: String,
}

impl ChatTemplate {
    /// The chat template of a model's folder: `chat_template.jinja`, else `chat_template` of `tokenizer_config.json` (a
    /// text, or a list of named ones of which `default` is taken). `None` if the folder has none.
    ///
    /// # Errors
    /// Unreadable files, and a template that cannot render a plain talk.
    pub fn load(folder: &Path) -> Result<Option<Self>, TemplateError> {
        let config_path = folder.join("tokenizer_config.json");
        let config = read_json(&config_path)?.unwrap_or(Value::Null);
        let source = match read(&folder.join("chat_template.jinja"))? {
            Some(source) => source,
            None => match variant(&config["chat_template"], &config_path)? {
                Some(source) => source,
                None => return Ok(None),
            },
        };
        let mut special = BTreeSet::new();
        special.extend(read_json(&folder.join("tokenizer.json"))?.iter().flat_map(|file| added(&file["added_tokens"])));
        special.extend(added(&config["added_tokens_decoder"]));
        special.extend(config["additional_special_tokens"].as_array().into_iter().flatten().filter_map(token_text));
        let named = |name: &str| token_text(&config[name]).unwrap_or_default();
        Self::new(&source, named("bos_token"), named("eos_token"), special).map(Some)
    }

    /// Compiles a template and finds out whether it takes a system message.
    ///
    /// # Errors
    /// [`TemplateError::Render`] if it does not parse, or cannot render a plain talk.
    pub fn new(
        source: &str,
        bos_token: String,
        eos_token: String,
        special_tokens: impl IntoIterator<Item = String>,
    ) -> Result<Self, TemplateError> {
        let environment = Arc::new(environment(source)?);
        let mut special: Vec<String> = special_tokens
            .into_iter()
            .chain([bos_token.clone(), eos_token.clone()])
            .filter(|t| !t.is_empty())
            .collect();
        special.extend(WRITTEN_MARKS.map(str::to_owned));
        special.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        let special_tokens = any_of(&special)?;
        let mut template = Self { environment, bos_token, eos_token, special_tokens, takes_system: true };
        let probe = "kindred-probe";
        let turn = [Turn::new(Speaker::Seeker, "Hi")];
        let with_system = template.render(&template.messages(Speaker::Supporter, probe.into(), &turn));
        template.takes_system = with_system.is_ok_and(|text| text.contains(probe));
        if !template.takes_system {
            template.render(&template.messages(Speaker::Supporter, probe.into(), &turn))?;
        }
        Ok(template)
    }

    /// The prompt for the next utterance of `speaker`.
    ///
    /// # Errors
    /// [`TemplateError::Render`] if the template refuses the messages.
    pub fn prompt(
        &self,
        speaker: Speaker,
        statement: &str,
        history: &[Turn],
        memory: Option<&Memory>,
    ) -> Result<Prompt, TemplateError> {
        let system = self.harmless(&system(speaker, statement, memory));
        let text = self.render(&self.messages(speaker, system, history))?;
        Ok(Prompt { segments: vec![text], add_bos: false, special_tokens: true })
    }

    /// The talk as the template wants it: user and assistant in turn, the user first and last.
    fn messages(&self, speaker: Speaker, system: String, history: &[Turn]) -> Vec<Message> {
        let mut talk: Vec<Message> = Vec::with_capacity(history.len() + 3);
        for turn in history {
            let role = if turn.speaker == speaker { "assistant" } else { "user" };
            let content = self.harmless(&turn.text);
            match talk.last_mut() {
                Some(last) if last.role == role => {
                    last.content.push('\n');
                    last.content.push_str(&content);
                }
                _ => talk.push(Message { role, content }),
            }
        }
        if talk.first().is_none_or(|first| first.role != "user") {
            talk.insert(0, Message { role: "user", content: OPENING.into() });
        }
        if talk.last().is_some_and(|last| last.role != "user") {
            talk.push(Message { role: "user", content: GO_ON.into() });
        }
        if self.takes_system {
            talk.insert(0, Message { role: "system", content: system });
        } else {
            talk[0].content = format!("{system}\n\n{}", talk[0].content);
        }
        talk
    }

    fn render(&self, messages: &[Message]) -> Result<String, TemplateError> {
        let template = self.environment.get_template(NAME)?;
        let messages: Vec<Variable> = messages
            .iter()
            .map(|Message { role, content }| context! { role => *role, content => content.as_str() })
            .collect();
        Ok(template.render(context! {
            messages,
            add_generation_prompt => true,
            // Templates of models that think aloud leave room for thoughts unless told otherwise.
            enable_thinking => false,
            bos_token => self.bos_token.as_str(),
            eos_token => self.eos_token.as_str(),
        })?)
    }

    /// The text without anything the tokenizer would read as a special token: `<|end|>` becomes `(|end|)`, and one
    /// without brackets goes.
    fn harmless(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        // A replacement could put a new token together, so that it is done until none is left. Each one takes a bracket
        // or the token away, so that it ends.
        while self.special_tokens.is_match(&text) {
            let replaced = self.special_tokens.replace_all(&text, |found: &Captures<'_>| {
                let inner = found[0].strip_prefix(['<', '[']).map(|rest| rest.strip_suffix(['>', ']']).unwrap_or(rest));
                inner.map(|inner| format!("({inner})")).unwrap_or_default()
            });
            text = Cow::Owned(replaced.into_owned());
        }
        text.into_owned()
    }
}

/// Finds any of these texts in one pass, the longest of those that begin at the same place if they are given so.
fn any_of(texts: &[String]) -> Result<Regex, Error> {
    let pattern: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
    // Vocabularies hold up to some thousand marks.
    let regex = RegexBuilder::new(&pattern.join("|")).size_limit(LARGEST_PATTERN).build();
    regex.map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("special tokens: {error}")))
}

/// What the model is told about who it is.
fn system(speaker: Speaker, statement: &str, memory: Option<&Memory>) -> String {
    let (part, recall) = match speaker {
        Speaker::Supporter => (
            "You are talking with someone who is going through a hard time. Listen, and answer as the person you are: \
             warmly, in your own voice, in one to three short sentences.",
            "Something from your own life that you may tell them if it helps:",
        ),
        Speaker::Seeker => (
            "You are telling someone who listens what is on your mind. Answer as the person you are: honestly, in your \
             own voice, in one to three short sentences.",
            "Something about you that you may bring up now:",
        ),
    };
    match memory.map(|memory| memory.content.trim()).filter(|content| !content.is_empty()) {
        Some(content) => format!("{}\n\n{recall} {content}\n\n{part}", statement.trim()),
        None => format!("{}\n\n{part}", statement.trim()),
    }
}

/// An environment that behaves as the one of `transformers`: blocks trimmed, Python's methods, its two functions.
fn environment(source: &str) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", |format: String| strftime::now(&format));
    environment.add_template_owned(NAME, without_generation_marks(source))?;
    Ok(environment)
}

/// `{% generation %}` marks, for training, what the assistant said; here it is a block that always renders.
fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let end = rest[at..].find("%}").map_or(rest.len(), |end| at + end + 2);
        let (before, block) = (&rest[..at], &rest[at..end]);
        let words = block.trim_start_matches("{%").trim_end_matches("%}").trim_matches(['-', '+', ' ', '\n', '\t']);
        out.push_str(before);
        match words {
            "generation" => out.push_str(&block.replace("generation", "if true")),
            "endgeneration" => out.push_str(&block.replace("endgeneration", "endif")),
            _ => out.push_str(block),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// The template of a `chat_template` entry.
fn variant(entry: &Value, path: &Path) -> Result<Option<String>, TemplateError> {
    let wrong = |found: &Value| TemplateError::File {
        path: path.to_owned(),
        expected: "chat_template to be a text or a list of {name, template}",
        found: found.to_string().chars().take(80).collect(),
    };
    match entry {
        Value::Null => Ok(None),
        Value::String(source) => Ok(Some(source.clone())),
        Value::Array(variants) => {
            let plain = variants.iter().find(|variant| variant["name"] == DEFAULT_VARIANT).or(variants.first());
            let source = plain.and_then(|variant| variant["template"].as_str()).ok_or_else(|| wrong(entry))?;
            Ok(Some(source.to_owned()))
        }
        other => Err(wrong(other)),
    }
}

/// The texts of added tokens: of a list or of a map by id. Those that are not special steer the model as well.
fn added(tokens: &Value) -> Vec<String> {
    let texts = |token: &Value| token["content"].as_str().filter(|text| is_mark(text, token)).map(str::to_owned);
    match tokens {
        Value::Array(list) => list.iter().filter_map(texts).collect(),
        Value::Object(map) => map.values().filter_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Whether an added token is a mark rather than a word: special, or in brackets.
fn is_mark(text: &str, token: &Value) -> bool {
    token["special"] == true || (text.len() > 2 && text.starts_with(['<', '[']) && text.ends_with(['>', ']']))
}

/// A token written as a text or as `{"content": …}`.
fn token_text(token: &Value) -> Option<String> {
    token.as_str().or_else(|| token["content"].as_str()).map(str::to_owned)
}

fn read_json(path: &Path) -> Result<Option<Value>, TemplateError> {
    read(path)?
        .map(|text| {
            serde_json::from_str(&text).map_err(|error| TemplateError::File {
                path: path.to_owned(),
                expected: "JSON",
                found: error.to_string(),
            })
        })
        .transpose()
}

/// The text of a file; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>, TemplateError> {
    let io = |source| TemplateError::Io { path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
        Ok(metadata) if metadata.len() > LONGEST_FILE => {
            return Err(TemplateError::File {
                path: path.to_owned(),
                expected: "at most 64 MiB",
                found: format!("{} bytes", metadata.len()),
            });
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(io)
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
