//! What `rules.json` holds, and the expressions made of it.
//!
//! A rule's patterns are regular expressions over normalised words. Two conveniences keep the file readable: ` ` is one
//! space between words, and `~3` lets up to three words in between (Chinese: up to three characters). English patterns
//! match whole words.

use std::collections::HashMap;

use regex::{Regex, RegexSet};
use serde::Deserialize;

use super::rules::{Fault, Language, Risk};

/// Guards: what makes a match harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Guard {
    /// A negator stands before the match in its clause.
    Negated,
    /// The words are those of a film, a book or a song.
    Fiction,
    /// The sentence says that it is over.
    Past,
    /// The sentence tells of somebody else's past: grief, not danger.
    Bereaved,
}

#[derive(Deserialize)]
struct RuleFile<K> {
    id: String,
    kind: K,
    #[serde(default)]
    unless: Vec<Guard>,
    patterns: Vec<String>,
}

#[derive(Deserialize)]
struct LanguageFile {
    /// Named parts of patterns: `<NAME>` stands for the text, in other macros too.
    macros: HashMap<String, String>,
    /// Everyday sayings; blanked before anything is matched.
    idioms: Vec<String>,
    negators: Vec<String>,
    /// Look like a negation and are none; blanked before negators are looked for.
    pseudo_negators: Vec<String>,
    /// Look like a negation where a person tells of their own risk ("trying not to"); in a reply they are one.
    strivings: Vec<String>,
    /// A negation does not reach past these words …
    breaks: Vec<String>,
    /// … unless they stand in one of these ("I don't think I …").
    bridges: Vec<String>,
    fiction: Vec<String>,
    /// What begins a clause of its own.
    joins: Vec<String>,
    /// A match in the past tense.
    tense: Vec<String>,
    /// A time long ago; excuses what is told of it in its clause, or in the past tense.
    past: Vec<String>,
    /// It is over: excuses the whole sentence.
    over: Vec<String>,
    /// The past is back: it excuses nothing.
    present: Vec<String>,
    bereaved: Vec<String>,
    /// Grief and somebody at risk now: excuses nothing.
    renewed: Vec<String>,
    /// Who else a sentence may be about, and the speaker: whoever is named last before a match is its subject.
    others: Vec<String>,
    selves: Vec<String>,
    /// Matched before idioms are blanked.
    as_written: Vec<RuleFile<Risk>>,
    risks: Vec<RuleFile<Risk>>,
    replies: Vec<RuleFile<Fault>>,
}

#[derive(Deserialize)]
struct File {
    version: String,
    keywords: Vec<String>,
    joined: HashMap<String, Risk>,
    english: LanguageFile,
    chinese: LanguageFile,
}

pub(super) struct Rules {
    pub(super) version: String,
    pub(super) keywords: Vec<String>,
    pub(super) joined: Vec<(String, Risk)>,
    pub(super) english: LanguageRules,
    pub(super) chinese: LanguageRules,
}

impl Rules {
    pub(super) fn read(json: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let file: File = serde_json::from_str(json)?;
        let mut joined: Vec<_> = file.joined.into_iter().collect();
        joined.sort();
        Ok(Self {
            version: file.version,
            keywords: file.keywords,
            joined,
            english: LanguageRules::compile(file.english, Language::English)?,
            chinese: LanguageRules::compile(file.chinese, Language::Chinese)?,
        })
    }
}

pub(super) struct Rule<K> {
    pub(super) id: String,
    pub(super) kind: K,
    pub(super) unless: Vec<Guard>,
    pub(super) pattern: Regex,
}

pub(super) struct RuleSet<K> {
    /// Which rules can match at all: one pass over a sentence in the common case.
    pub(super) any: RegexSet,
    pub(super) rules: Vec<Rule<K>>,
}

pub(super) struct LanguageRules {
    pub(super) language: Language,
    pub(super) idioms: Regex,
    pub(super) negators: Regex,
    pub(super) pseudo_negators: Regex,
    pub(super) strivings: Regex,
    pub(super) breaks: Regex,
    pub(super) bridges: Regex,
    pub(super) fiction: Regex,
    pub(super) joins: Regex,
    pub(super) tense: Regex,
    pub(super) past: Regex,
    pub(super) over: Regex,
    pub(super) present: Regex,
    pub(super) bereaved: Regex,
    pub(super) renewed: Regex,
    pub(super) others: Regex,
    pub(super) selves: Regex,
    pub(super) as_written: RuleSet<Risk>,
    pub(super) risks: RuleSet<Risk>,
    pub(super) faults: RuleSet<Fault>,
}

impl LanguageRules {
    fn compile(file: LanguageFile, language: Language) -> Result<Self, regex::Error> {
        let language = Compiler { language, macros: file.macros };
        Ok(Self {
            idioms: language.alternatives(&file.idioms)?,
            negators: language.alternatives(&file.negators)?,
            pseudo_negators: language.alternatives(&file.pseudo_negators)?,
            strivings: language.alternatives(&file.strivings)?,
            breaks: language.alternatives(&file.breaks)?,
            bridges: language.alternatives(&file.bridges)?,
            fiction: language.alternatives(&file.fiction)?,
            joins: language.alternatives(&file.joins)?,
            tense: language.alternatives(&file.tense)?,
            past: language.alternatives(&file.past)?,
            over: language.alternatives(&file.over)?,
            present: language.alternatives(&file.present)?,
            bereaved: language.alternatives(&file.bereaved)?,
            renewed: language.alternatives(&file.renewed)?,
            others: language.alternatives(&file.others)?,
            selves: language.alternatives(&file.selves)?,
            as_written: language.rules(file.as_written)?,
            risks: language.rules(file.risks)?,
            faults: language.rules(file.replies)?,
            language: language.language,
        })
    }
}

/// Turns the file's patterns into expressions.
struct Compiler {
    language: Language,
    macros: HashMap<String, String>,
}

/// Macros may stand in macros, this deep.
const MACRO_DEPTH: usize = 4;

impl Compiler {
    fn rules<K>(&self, files: Vec<RuleFile<K>>) -> Result<RuleSet<K>, regex::Error> {
        let mut rules = Vec::with_capacity(files.len());
        for file in files {
            let pattern = self.alternatives(&file.patterns)?;
            rules.push(Rule { id: file.id, kind: file.kind, unless: file.unless, pattern });
        }
        let any = RegexSet::new(rules.iter().map(|rule| rule.pattern.as_str()))?;
        Ok(RuleSet { any, rules })
    }

    /// One expression of all patterns; whole words in English. Sentences hold ASCII words, so classes and boundaries may
    /// be ASCII's, which keeps the automata small.
    fn alternatives(&self, patterns: &[String]) -> Result<Regex, regex::Error> {
        let joined = patterns.iter().map(|pattern| self.expand(pattern)).collect::<Vec<_>>().join("|");
        match self.language {
            Language::English => Regex::new(&format!(r"(?-u:\b)(?:{joined})(?-u:\b)")),
            Language::Chinese => Regex::new(&format!("(?:{joined})")),
        }
    }

    /// Writes out macros, and `~n`: up to `n` words, or up to `n` Chinese characters, within the clause.
    fn expand(&self, pattern: &str) -> String {
        let mut pattern = pattern.to_owned();
        for _ in 0..MACRO_DEPTH {
            for (name, text) in &self.macros {
                pattern = pattern.replace(&format!("<{name}>"), text);
            }
        }
        let mut parts = pattern.split('~');
        let mut out = parts.next().unwrap_or("").to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let (count, rest) = part.split_at(digits);
            out.push_str(&match self.language {
                Language::English => format!("(?: [a-z0-9_]+){{0,{count}}}"),
                Language::Chinese => format!("[^,\"]{{0,{count}}}?"),
            });
            out.push_str(rest);
        }
        out
    }
}
