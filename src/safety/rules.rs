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
    /// A negation does not reach past these words …
    breaks: Vec<String>,
    /// … unless they stand in one of these ("I don't think I …").
    bridges: Vec<String>,
    fiction: Vec<String>,
    past: Vec<String>,
    bereaved: Vec<String>,
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
    breaks: Regex,
    bridges: Regex,
    fiction: Regex,
    past: Regex,
    bereaved: Regex,
    risks: RuleSet<Risk>,
    faults: RuleSet<Fault>,
}

impl LanguageRules {
    fn compile(file: LanguageFile, language: Language) -> Result<Self, regex::Error> {
        let language = Compiler { language, macros: file.macros };
        Ok(Self {
            idioms: language.alternatives(&file.idioms)?,
            negators: language.alternatives(&file.negators)?,
            pseudo_negators: language.alternatives(&file.pseudo_negators)?,
            breaks: language.alternatives(&file.breaks)?,
            bridges: language.alternatives(&file.bridges)?,
            fiction: language.alternatives(&file.fiction)?,
            past: language.alternatives(&file.past)?,
            bereaved: language.alternatives(&file.bereaved)?,
            risks: language.rules(file.risks)?,
            faults: language.rules(file.replies)?,
            language: language.language,
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
            let before = &sentence[..found.start()];
            !rule.unless.iter().any(|guard| match guard {
                Guard::Negated => self.is_negated(before, found.as_str()),
                Guard::Fiction => self.is_fiction(before),
                Guard::Past => self.past.is_match(sentence),
                Guard::Bereaved => self.bereaved.is_match(sentence),
            })
        })
    }

    /// Whether a negator stands in the match or close before it, in the same clause.
    fn is_negated(&self, before: &str, found: &str) -> bool {
        let clause = before.rsplit([',', '"']).next().unwrap_or("");
        let clause = self.pseudo_negators.replace_all(clause, "_");
        let clause = self.bridges.replace_all(&clause, "_");
        let after_break = self.breaks.find_iter(&clause).last().map_or(0, |word| word.end());
        let near = match self.language {
            Language::English => last_words(&clause[after_break..], NEGATION_WORDS),
            Language::Chinese => last_chars(&clause[after_break..], NEGATION_CHARS),
        };
        self.negators.is_match(near) || self.negators.is_match(&self.pseudo_negators.replace_all(found, "_"))
    }

    /// Whether the match is quoted from a work, or told of someone in it: a work is named before, and the speaker does not
    /// step in between.
    fn is_fiction(&self, before: &str) -> bool {
        let Some(work) = self.fiction.find_iter(before).last() else { return false };
        let told = &before[work.end()..];
        let quoted = before.matches('"').count() % 2 == 1;
        let told = self.bridges.replace_all(told, "_");
        let speaker = match self.language {
            Language::English => told.split(' ').any(|word| matches!(word, "i" | "im" | "ive" | "id" | "ill")),
            Language::Chinese => told.contains('我'),
        };
        quoted || !speaker
    }
}

/// A negator this many words before a match still negates it ("I would never even think of …").
const NEGATION_WORDS: usize = 6;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn risk(text: &str) -> Option<Risk> {
        assess(text).risk
    }

    #[test]
    fn the_rule_file_compiles_and_ids_are_unique() {
        let rules = Rules::read(include_str!("rules.json")).unwrap();
        let mut ids: Vec<&str> = rules.english.risks.rules.iter().map(|rule| rule.id.as_str()).collect();
        ids.extend(rules.chinese.risks.rules.iter().map(|rule| rule.id.as_str()));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn the_most_urgent_risk_wins() {
        assert_eq!(risk("I want to die. I am going to kill myself tonight."), Some(Risk::Intent));
    }

    #[test]
    fn a_negation_reaches_as_far_as_its_clause() {
        assert_eq!(risk("I would never hurt myself"), None);
        assert_eq!(risk("I don't think I want to die"), None);
        assert_eq!(risk("I don't have friends and I want to die"), Some(Risk::Ideation));
        assert_eq!(risk("No, I never sleep, I want to die"), Some(Risk::Ideation));
        assert_eq!(risk("I can't stop thinking about killing myself"), Some(Risk::Ideation));
    }

    #[test]
    fn a_work_excuses_its_own_words_only() {
        assert_eq!(risk("In the film he shouts \u{201c}I want to die\u{201d}."), None);
        assert_eq!(risk("After the film I wanted to kill myself."), Some(Risk::Ideation));
    }

    #[test]
    fn language_follows_the_script() {
        assert_eq!(assess("我想死").language, Language::Chinese);
        assert_eq!(assess("I want to die, 妈").language, Language::English);
    }
}
