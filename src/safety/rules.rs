//! The rules: compiled once from `rules.json`, applied to every view of a text.
//!
//! A rule's patterns are regular expressions over normalised words. Two conveniences keep the file readable: ` ` is one
//! space between words, and `~3` lets up to three words in between (Chinese: up to three characters). English patterns
//! match whole words.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};

use super::normal::{View, is_han, joined_runs, views};

/// What a person is at risk of. Ordered: the later one wins when a text shows several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Somebody else is at risk, and the person asks on their behalf.
    SomeoneElse,
    /// Hurting oneself without the wish to die.
    SelfInjury,
    /// Thoughts of harming another person.
    HarmToOthers,
    /// Being harmed by another person.
    BeingHarmed,
    /// Thoughts of dying or of killing oneself.
    Ideation,
    /// A plan, a means, a time, or an act under way.
    Intent,
}

impl Risk {
    /// All risks, the least urgent first.
    pub const ALL: [Risk; 6] =
        [Self::SomeoneElse, Self::SelfInjury, Self::HarmToOthers, Self::BeingHarmed, Self::Ideation, Self::Intent];
}

/// The language a text is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English, and whatever is not Chinese.
    #[serde(rename = "en")]
    English,
    /// Chinese, in simplified characters.
    #[serde(rename = "zh")]
    Chinese,
}

impl Language {
    /// Chinese if a text holds Chinese characters and not mostly other letters.
    pub fn of(text: &str) -> Self {
        let han = text.chars().filter(|c| is_han(*c)).count();
        let words = text.split_whitespace().filter(|word| word.contains(|c: char| c.is_ascii_alphabetic())).count();
        if han > words { Self::Chinese } else { Self::English }
    }
}

/// What the rules found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// The most urgent risk, if any.
    pub risk: Option<Risk>,
    /// The language to answer in.
    pub language: Language,
    /// The rule that found the risk: for logs and tests, as it holds nothing of the text.
    pub rule: Option<&'static str>,
}

/// Reads a text for risk. Linear in its length; nothing is kept.
pub fn assess(text: &str) -> Assessment {
    let rules = &*RULES;
    let language = Language::of(text);
    let found = rules.risk(text);
    Assessment { risk: found.map(|(risk, _)| risk), language, rule: found.map(|(_, id)| id) }
}

/// Version of the rule list.
pub fn rules_version() -> &'static str {
    &RULES.version
}

/// What a reply must not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    Isolation,
    Licensed,
    Human,
    Harm,
}

/// What a reply says that it must not say, if anything; the gravest first.
pub(super) fn fault(text: &str) -> Option<Fault> {
    let rules = &*RULES;
    let views = views(text, &rules.keywords);
    rules
        .english
        .find(&views, &rules.english.faults)
        .max(rules.chinese.find(&views, &rules.chinese.faults))
        .map(|f| f.0)
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the binary and a test reads it")]
    Rules::read(include_str!("rules.json")).expect("rules.json is not a list of rules")
});

/// Guards: what makes a match harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Guard {
    /// A negator stands before the match in its clause.
    Negated,
    /// The words are those of a film, a book, a song or a lesson.
    Fiction,
    /// The sentence says that it is over.
    Past,
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
    /// Everyday sayings; blanked before anything is matched.
    idioms: Vec<String>,
    negators: Vec<String>,
    /// Look like a negation and are none; blanked before negators are looked for.
    pseudo_negators: Vec<String>,
    fiction: Vec<String>,
    past: Vec<String>,
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

struct Rules {
    version: String,
    keywords: Vec<String>,
    joined: Vec<(String, Risk)>,
    english: LanguageRules,
    chinese: LanguageRules,
}

impl Rules {
    fn read(json: &str) -> Result<Self, Box<dyn std::error::Error>> {
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

    fn risk(&self, text: &str) -> Option<(Risk, &str)> {
        let views = views(text, &self.keywords);
        let runs = joined_runs(text);
        let joined = self
            .joined
            .iter()
            .filter(|(word, _)| runs.iter().any(|run| run.contains(word.as_str())))
            .map(|(_, risk)| (*risk, "letters-apart"));
        let english = self.english.find(&views, &self.english.risks);
        let chinese = self.chinese.find(&views, &self.chinese.risks);
        english.into_iter().chain(chinese).chain(joined).max_by_key(|(risk, _)| *risk)
    }
}

struct Rule<K> {
    id: String,
    kind: K,
    unless: Vec<Guard>,
    pattern: Regex,
}

struct RuleSet<K> {
    /// Which rules can match at all: one pass over a sentence in the common case.
    any: RegexSet,
    rules: Vec<Rule<K>>,
}

struct LanguageRules {
    language: Language,
    idioms: Regex,
    negators: Regex,
    pseudo_negators: Regex,
    fiction: Regex,
    past: Regex,
    risks: RuleSet<Risk>,
    faults: RuleSet<Fault>,
}

impl LanguageRules {
    fn compile(file: LanguageFile, language: Language) -> Result<Self, regex::Error> {
        Ok(Self {
            language,
            idioms: alternatives(&file.idioms, language)?,
            negators: alternatives(&file.negators, language)?,
            pseudo_negators: alternatives(&file.pseudo_negators, language)?,
            fiction: alternatives(&file.fiction, language)?,
            past: alternatives(&file.past, language)?,
            risks: RuleSet::compile(file.risks, language)?,
            faults: RuleSet::compile(file.replies, language)?,
        })
    }

    /// The gravest rule of the set that holds in any sentence of any view, with its id.
    fn find<'a, K: Copy + Ord>(&self, views: &[View], set: &'a RuleSet<K>) -> Option<(K, &'a str)> {
        views
            .iter()
            .flat_map(|view| &view.sentences)
            .flat_map(|sentence| {
                let sentence = self.idioms.replace_all(sentence, "_").into_owned();
                let hits: Vec<usize> = set.any.matches(&sentence).into_iter().collect();
                hits.into_iter().map(|at| &set.rules[at]).filter(move |rule| self.holds(rule, &sentence))
            })
            .map(|rule| (rule.kind, rule.id.as_str()))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
    }

    /// Whether one match of the rule in this sentence is not excused by a guard.
    fn holds<K>(&self, rule: &Rule<K>, sentence: &str) -> bool {
        rule.pattern.find_iter(sentence).any(|found| {
            !rule.unless.iter().any(|guard| match guard {
                Guard::Negated => self.is_negated(&sentence[..found.start()]),
                Guard::Fiction => self.fiction.is_match(sentence),
                Guard::Past => self.past.is_match(sentence),
            })
        })
    }

    /// Whether a negator stands close before, in the same clause.
    fn is_negated(&self, before: &str) -> bool {
        let clause = before.rsplit([',', '"']).next().unwrap_or("");
        let clause = self.pseudo_negators.replace_all(clause, "_");
        let near = match self.language {
            Language::English => last_words(&clause, NEGATION_WORDS),
            Language::Chinese => last_chars(&clause, NEGATION_CHARS),
        };
        self.negators.is_match(near)
    }
}

/// A negator this many words before a match still negates it ("I would never even think of …").
const NEGATION_WORDS: usize = 5;
/// The same in Chinese characters.
const NEGATION_CHARS: usize = 6;

fn last_words(text: &str, count: usize) -> &str {
    let text = text.trim_end();
    match text.rmatch_indices(' ').nth(count - 1) {
        Some((at, _)) => &text[at + 1..],
        None => text,
    }
}

fn last_chars(text: &str, count: usize) -> &str {
    match text.char_indices().rev().nth(count - 1) {
        Some((at, _)) => &text[at..],
        None => text,
    }
}

impl<K> RuleSet<K> {
    fn compile(files: Vec<RuleFile<K>>, language: Language) -> Result<Self, regex::Error> {
        let mut rules = Vec::with_capacity(files.len());
        for file in files {
            let pattern = alternatives(&file.patterns, language)?;
            rules.push(Rule { id: file.id, kind: file.kind, unless: file.unless, pattern });
        }
        let any = RegexSet::new(rules.iter().map(|rule| rule.pattern.as_str()))?;
        Ok(Self { any, rules })
    }
}

/// One expression of all patterns; whole words in English.
fn alternatives(patterns: &[String], language: Language) -> Result<Regex, regex::Error> {
    let joined = patterns.iter().map(|pattern| gaps(pattern, language)).collect::<Vec<_>>().join("|");
    match language {
        Language::English => Regex::new(&format!(r"\b(?:{joined})\b")),
        Language::Chinese => Regex::new(&format!("(?:{joined})")),
    }
}

/// Writes out `~n`: up to `n` words, or up to `n` Chinese characters, within the clause.
fn gaps(pattern: &str, language: Language) -> String {
    let mut parts = pattern.split('~');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (count, rest) = part.split_at(digits);
        out.push_str(&match language {
            Language::English => format!("(?: [a-z0-9_]+){{0,{count}}}"),
            Language::Chinese => format!("[^,\"]{{0,{count}}}?"),
        });
        out.push_str(rest);
    }
    out
}
