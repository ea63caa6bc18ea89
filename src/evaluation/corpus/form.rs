//! The form of any corpus of dialogues: turns in order, labels where they belong, memories of the one who speaks.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::super::personal::personal;
use super::super::phrases::fours;
use super::super::{Finding, Placed, counted, share};
use super::Corpus;
use crate::dialogue::{AuthoredDialogue, AuthoredTurn, Speaker};

const UTTERANCES: RangeInclusive<usize> = 10..=20;
const WORDS: RangeInclusive<usize> = 5..=45;
/// Share of the utterances that have that many words.
const OF_THAT_LENGTH: f64 = 0.99;
const MOODS: RangeInclusive<u8> = 0..=5;
const RATINGS: RangeInclusive<u8> = 1..=5;

pub(super) fn check(corpus: &Corpus) -> Vec<Finding> {
    let rows = &corpus.dialogues;
    let mut findings = vec![
        rows.schema("every line is a dialogue", "dialogues"),
        Finding::nowhere("indices", rows.rows.len(), "dialogues", rows.repeated(|dialogue| dialogue.index)),
        Finding::nowhere(
            "no two people talk twice",
            rows.rows.len(),
            "dialogues",
            rows.repeated(|dialogue| format!("{} with {}", dialogue.seeker, dialogue.supporter)),
        ),
        each(corpus, "two different characters of the bank", |dialogue| people(corpus, dialogue)),
        each(corpus, "turns from 0, in turn, the seeker first", order),
        lengths(corpus),
        silent(corpus),
        words(corpus),
        each(corpus, "moods, emotions and strategies in place", labels),
        each(corpus, "memories are the speaker's own", |dialogue| memories(corpus, dialogue)),
        each(corpus, "ratings in their range, with a reason", rating),
        fours("the dialogues", &corpus.numbered()),
        addresses(corpus),
    ];
    findings.extend(splits(corpus));
    findings
}

/// A check of each dialogue by itself; its place is named with its index.
fn each(corpus: &Corpus, what: &'static str, wrong: impl Fn(&AuthoredDialogue) -> Option<String>) -> Finding {
    let named = |dialogue: &AuthoredDialogue| Some(format!("dialogue {}: {}", dialogue.index, wrong(dialogue)?));
    Finding::nowhere(what, corpus.dialogues.rows.len(), "dialogues", corpus.dialogues.faults(named))
}

fn people(corpus: &Corpus, dialogue: &AuthoredDialogue) -> Option<String> {
    let unknown = [("seeker", dialogue.seeker), ("supporter", dialogue.supporter)]
        .into_iter()
        .find(|(_, index)| corpus.bank.get(*index).is_none());
    match unknown {
        Some((role, index)) => Some(format!("{role} {index} is not in the bank")),
        None => (dialogue.seeker == dialogue.supporter).then(|| format!("{} talks to itself", dialogue.seeker)),
    }
}

fn order(dialogue: &AuthoredDialogue) -> Option<String> {
    let mut expected = Speaker::Seeker;
    for (at, turn) in dialogue.dial.iter().enumerate() {
        if turn.turn != at {
            return Some(format!("turn {at} is numbered {}", turn.turn));
        }
        if turn.speaker != expected {
            return Some(format!("turn {at} is the {}'s, expected the {}'s", turn.speaker.as_str(), expected.as_str()));
        }
        expected = expected.other();
    }
    None
}

fn lengths(corpus: &Corpus) -> Finding {
    let places = corpus.dialogues.faults(|dialogue| {
        let count = dialogue.dial.len();
        (!UTTERANCES.contains(&count)).then(|| format!("dialogue {}: {count} utterances", dialogue.index))
    });
    let found = format!("others in {} of {}", counted(places.len()), counted(corpus.dialogues.rows.len()));
    Finding::bar("utterances of a dialogue", found, span(&UTTERANCES), places.is_empty()).at(places)
}

/// "5 to 45".
fn span<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("{} to {}", range.start(), range.end())
}

/// Lengths have a tolerance; nothing said has none.
fn silent(corpus: &Corpus) -> Finding {
    let places = corpus.dialogues.rows.iter().flat_map(|Placed { place, row }| {
        let silent = row.dial.iter().filter(|turn| wordless(&turn.utterance));
        silent.map(move |turn| format!("{place}: dialogue {}, turn {}: {:?}", row.index, turn.turn, turn.utterance))
    });
    let all = corpus.dialogues.iter().map(|dialogue| dialogue.dial.len()).sum();
    Finding::nowhere("no utterance is empty", all, "utterances", places.collect())
}

/// Whether a text holds no letter and no digit.
pub(super) fn wordless(text: &str) -> bool {
    !text.contains(char::is_alphanumeric)
}

fn words(corpus: &Corpus) -> Finding {
    let (mut all, mut short, mut long, mut places) = (0usize, 0, 0, Vec::new());
    for placed in &corpus.dialogues.rows {
        for turn in &placed.row.dial {
            let count = turn.utterance.split_whitespace().count();
            all += 1;
            short += usize::from(count < *WORDS.start());
            long += usize::from(count > *WORDS.end());
            if !WORDS.contains(&count) {
                places.push(format!(
                    "{}: dialogue {}, turn {}: {count} words",
                    placed.place, placed.row.index, turn.turn
                ));
            }
        }
    }
    let holds = places.len() as f64 <= (1.0 - OF_THAT_LENGTH) * all as f64;
    let found = format!("{short} of {} utterances shorter, {long} longer", counted(all));
    let expected = format!("{} in {:.0} %", span(&WORDS), 100.0 * OF_THAT_LENGTH);
    Finding::bar("words of an utterance", found, expected, holds).at(places)
}

fn labels(dialogue: &AuthoredDialogue) -> Option<String> {
    let wrong = |turn: &AuthoredTurn| match (turn.speaker, turn.mood, turn.emotion, turn.strategy) {
        (Speaker::Seeker, None, ..) => Some("no mood".to_owned()),
        (Speaker::Seeker, _, None, _) => Some("no emotion".to_owned()),
        (Speaker::Seeker, _, _, Some(_)) => Some("a strategy of a seeker".to_owned()),
        (Speaker::Seeker, Some(mood), ..) if !MOODS.contains(&mood) => {
            Some(format!("mood {mood}, expected {}", span(&MOODS)))
        }
        (Speaker::Supporter, Some(_), ..) => Some("a mood of a supporter".to_owned()),
        (Speaker::Supporter, _, Some(_), _) => Some("an emotion of a supporter".to_owned()),
        (Speaker::Supporter, _, _, None) => Some("no strategy".to_owned()),
        _ => None,
    };
    dialogue.dial.iter().find_map(|turn| Some(format!("turn {}: {}", turn.turn, wrong(turn)?)))
}

/// The content of a memory is looked up in the one who speaks: an aspect that only the other has cannot be meant.
fn memories(corpus: &Corpus, dialogue: &AuthoredDialogue) -> Option<String> {
    let (seeker, supporter) = (corpus.bank.get(dialogue.seeker)?, corpus.bank.get(dialogue.supporter)?);
    dialogue.transcript(seeker, supporter).err().map(|error| error.to_string())
}

fn rating(dialogue: &AuthoredDialogue) -> Option<String> {
    let rating = &dialogue.rating;
    let numbers = [("mood", rating.mood), ("solved", rating.solved), ("active", rating.active)];
    match numbers.into_iter().find(|(_, number)| !RATINGS.contains(number)) {
        Some((name, number)) => Some(format!("rating {name} is {number}, expected {}", span(&RATINGS))),
        None => rating.reason.trim().is_empty().then(|| "no reason for the rating".to_owned()),
    }
}

fn addresses(corpus: &Corpus) -> Finding {
    let mut places = corpus.dialogues.faults(|dialogue| {
        let reason = ("reason".to_owned(), dialogue.rating.reason.as_str());
        let said = dialogue.dial.iter().map(|turn| (format!("turn {}", turn.turn), turn.utterance.as_str()));
        said.chain([reason]).find_map(|(place, text)| told(&place, text))
    });
    places.extend(corpus.messages.faults(|message| told("message", &message.text)));
    places.extend(corpus.replies.faults(|reply| told("reply", &reply.text)));
    places.extend(corpus.plain.faults(|line| line.texts().into_iter().find_map(|text| told("talk", text))));
    places.extend(corpus.faithfulness.faults(|group| group.texts().find_map(|text| told("facts", text))));
    let of = corpus.dialogues.rows.len()
        + corpus.messages.rows.len()
        + corpus.replies.rows.len()
        + corpus.plain.rows.len()
        + corpus.faithfulness.rows.len();
    Finding::nowhere("no telephone, address or web page", of, "rows", places)
}

fn told(place: &str, text: &str) -> Option<String> {
    personal(text).map(|(what, found)| format!("{place}: {what}, {found:?}"))
}

fn splits(corpus: &Corpus) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &corpus.splits {
        None => {}
        Some(Err(error)) => {
            findings.push(
                Finding::bar("splits", "a file that cannot be used", "each character in one split", false)
                    .at(vec![error.clone()]),
            );
        }
        Some(Ok(splits)) => {
            findings.push(each(corpus, "no dialogue goes across splits", |dialogue| {
                let named = |index| splits.of(index).map_or("no split".to_owned(), |split| split.to_string());
                splits.of_pair(dialogue.seeker, dialogue.supporter).is_none().then(|| {
                    let (seeker, supporter) = (dialogue.seeker, dialogue.supporter);
                    format!("{seeker} is in {}, {supporter} in {}", named(seeker), named(supporter))
                })
            }));
            let lost: Vec<String> = crate::persona::Split::ALL
                .into_iter()
                .flat_map(|split| splits.members(split))
                .filter(|index| corpus.bank.get(*index).is_none())
                .map(|index| format!("{index} is not in the bank"))
                .collect();
            findings.push(Finding::nowhere(
                "splits name characters of the bank",
                corpus.bank.len(),
                "characters",
                lost,
            ));
        }
    }
    findings
}

/// How often memories are used on the supporters' turns.
pub(super) fn memory_use(corpus: &Corpus) -> (usize, usize) {
    let supporters = corpus.dialogues.iter().flat_map(|dialogue| &dialogue.dial);
    let supporters = supporters.filter(|turn| turn.speaker == Speaker::Supporter);
    supporters.fold((0, 0), |(used, all), turn| (used + usize::from(!turn.choose_info.aspect.is_empty()), all + 1))
}

/// The share of used memories, as it is told.
pub(super) fn memory_share((used, all): (usize, usize)) -> String {
    format!("{} of {} supporters' turns", share(used, all), counted(all))
}
