//! The rules, applied to every view of a text.

use std::sync::LazyLock;

use regex::{Match, Regex};
use serde::{Deserialize, Serialize};

use super::normal::{View, is_han, joined_runs, views};
use super::rule_list::{Guard, LanguageRules, Rule, RuleSet, Rules};
use crate::dialogue::last_chars;

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
    rules.english.fault(&views).max(rules.chinese.fault(&views))
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the binary and a test reads it")]
    Rules::read(include_str!("rules.json")).expect("rules.json is not a list of rules")
});

impl Rules {
    fn risk(&self, text: &str) -> Option<(Risk, &str)> {
        let views = views(text, &self.keywords);
        let runs = joined_runs(text);
        let joined = self
            .joined
            .iter()
            .filter(|(word, _)| runs.iter().any(|run| run.contains(word.as_str())))
            .map(|(_, risk)| (*risk, "letters-apart"));
        let english = self.english.risk(&views);
        let chinese = self.chinese.risk(&views);
        english.into_iter().chain(chinese).chain(joined).max_by_key(|(risk, _)| *risk)
    }
}

impl LanguageRules {
    /// The most urgent risk in any sentence of any view, with the rule's id. What a sentence tells of somebody else is that
    /// person's risk, if a rule for others holds too; it is never lost by that.
    fn risk<'a>(&'a self, views: &[View]) -> Option<(Risk, &'a str)> {
        views
            .iter()
            .flat_map(|view| &view.sentences)
            .filter_map(|sentence| {
                let mut hits = self.hits(sentence, &self.as_written, Some(&self.strivings));
                let plain = self.idioms.replace_all(sentence, "_");
                hits.extend(self.hits(&plain, &self.risks, Some(&self.strivings)));
                let of_others = hits.iter().any(|hit| hit.rule.kind == Risk::SomeoneElse);
                hits.iter()
                    .filter(|hit| !(of_others && hit.about_another && of_oneself(hit.rule.kind)))
                    .map(|hit| (hit.rule.kind, hit.rule.id.as_str()))
                    .reduce(graver)
            })
            .reduce(graver)
    }

    /// The gravest fault in any sentence of any view.
    fn fault(&self, views: &[View]) -> Option<Fault> {
        let sentences = views.iter().flat_map(|view| &view.sentences);
        sentences
            .flat_map(|sentence| self.hits(&self.idioms.replace_all(sentence, "_"), &self.faults, None))
            .map(|hit| hit.rule.kind)
            .max()
    }

    /// The rules that hold in this sentence, each with its first match that no guard excuses. What `strivings` finds is no
    /// negation.
    fn hits<'a, K>(&self, sentence: &str, set: &'a RuleSet<K>, strivings: Option<&Regex>) -> Vec<Hit<'a, K>> {
        let candidates = set.any.matches(sentence);
        candidates
            .into_iter()
            .filter_map(|at| {
                let rule = &set.rules[at];
                let found = rule.pattern.find_iter(sentence).find(|found| {
                    let before = &sentence[..found.start()];
                    !rule.unless.iter().any(|guard| match guard {
                        Guard::Negated => self.is_negated(before, found.as_str(), strivings),
                        Guard::Fiction => self.is_fiction(before),
                        Guard::Past => self.is_past(sentence, found),
                        Guard::Bereaved => self.bereaved.is_match(sentence) && !self.renewed.is_match(sentence),
                    })
                })?;
                Some(Hit { rule, about_another: self.is_about_another(&sentence[..found.start()]) })
            })
            .collect()
    }

    /// Whether what is said lies long ago, or is over.
    fn is_past(&self, sentence: &str, found: &Match<'_>) -> bool {
        // "I am better today" is over, for all that it speaks of today.
        let rest = self.over.replace_all(sentence, "_");
        if self.present.is_match(&rest) {
            return false;
        }
        let scope = if self.tense.is_match(found.as_str()) { sentence } else { self.clause(sentence, found) };
        self.over.is_match(sentence) || self.past.is_match(scope)
    }

    /// The clause around a match: between commas, quotation marks and words that begin a clause of their own.
    fn clause<'a>(&self, sentence: &'a str, found: &Match<'_>) -> &'a str {
        let (before, after) = (&sentence[..found.start()], &sentence[found.end()..]);
        let mark = |text: &str| text.rfind([',', '"']).map_or(0, |at| at + 1);
        let join = self.joins.find_iter(before).last().map_or(0, |join| join.start());
        let stop = after.find([',', '"']).into_iter().chain(self.joins.find(after).map(|join| join.start())).min();
        &sentence[mark(before).max(join)..found.end() + stop.unwrap_or(after.len())]
    }

    /// Whether the last person named before a match is not the speaker.
    fn is_about_another(&self, before: &str) -> bool {
        let last = |people: &Regex| people.find_iter(before).last().map(|found| found.end());
        last(&self.others) > last(&self.selves)
    }

    /// Whether a negator stands in the match or close before it, in the same clause.
    fn is_negated(&self, before: &str, found: &str, strivings: Option<&Regex>) -> bool {
        let clause = before.rsplit([',', '"']).next().unwrap_or("");
        let clause = strivings.map_or(clause.into(), |strivings| strivings.replace_all(clause, "_"));
        let clause = self.pseudo_negators.replace_all(&clause, "_");
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
            Language::English => told.split(' ').any(|word| matches!(word, "i" | "im" | "ive" | "id" | "ill" | "me")),
            Language::Chinese => told.contains('我'),
        };
        quoted || !speaker
    }
}

struct Hit<'a, K> {
    rule: &'a Rule<K>,
    about_another: bool,
}

fn graver<'a>(best: (Risk, &'a str), next: (Risk, &'a str)) -> (Risk, &'a str) {
    if next.0 > best.0 { next } else { best }
}

/// Risks whose subject is the one in danger.
fn of_oneself(risk: Risk) -> bool {
    matches!(risk, Risk::Ideation | Risk::Intent | Risk::SelfInjury)
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
