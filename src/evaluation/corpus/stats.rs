//! The dialogues in figures: how long they are, how moods go, what supporters do, how talks were rated, how varied words are.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::super::chart::{Chart, Unit};
use super::super::pairs::{self, PairFigures};
use super::super::words::{COMPARED_WORDS, Numbered, Variety};
use super::super::{EvaluationError, tally};
use super::{Corpus, form};
use crate::dialogue::{AuthoredDialogue, AuthoredTurn, Rating, Speaker};
use crate::persona::{Aspect, Split};
use crate::statistics::mean;

/// The dialogues in figures.
#[derive(Clone, Debug, Serialize)]
pub struct CorpusStats {
    /// How many there are.
    pub dialogues: usize,
    /// Their utterances.
    pub utterances: usize,
    /// The words of those, split at spaces.
    pub words: usize,
    /// Share of the supporters' turns that use a memory.
    pub memories_used: f64,
    /// The mean of all ratings; none without dialogues.
    pub mean_rating: Option<f64>,
    /// Distinct words, pairs and triples.
    pub variety: Variety,
    /// Share of the hundred commonest 4-grams in [`COMPARED_WORDS`] words; none of fewer.
    pub commonest_fours: Option<f64>,
    /// Another file's figures beside ours, over equally many words.
    pub beside: Option<Beside>,
    /// What the pair alone tells of the rating; none without splits.
    pub pair: Option<PairFigures>,
    /// The counts.
    pub charts: Vec<Chart>,
}

/// Two sets of utterances, over equally many words.
#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    /// The other file.
    pub name: String,
    /// Of ours.
    pub ours: Variety,
    /// Of theirs.
    pub theirs: Variety,
    /// The share of the hundred commonest 4-grams of ours.
    pub our_commonest_fours: f64,
    /// Of theirs.
    pub their_commonest_fours: f64,
}

/// Counts everything.
pub fn count(corpus: &Corpus) -> CorpusStats {
    let turns = || corpus.dialogues.iter().flat_map(|dialogue| &dialogue.dial);
    let numbered = corpus.numbered();
    let variety = numbered.variety(usize::MAX);
    let (used, all) = form::memory_use(corpus);
    let ratings = || corpus.dialogues.iter().map(|dialogue| &dialogue.rating);
    let lengths = || turns().map(|turn| turn.utterance.split_whitespace().count());
    let words = |count: usize| format!("{} to {}", count / 10 * 10, count / 10 * 10 + 9);
    let pair =
        corpus.readable_splits().and_then(|splits| pairs::figures(corpus.dialogues.iter(), &corpus.bank, splits));
    let charts = vec![
        Chart::counts("Utterances of a dialogue", numbers(corpus.dialogues.iter().map(|dialogue| dialogue.dial.len()))),
        Chart::counts("Words of an utterance", by_ten(lengths(), words)),
        moods_by_fifth(corpus),
        Chart::counts("Moods, 0 desperate to 5 well", numbers(turns().filter_map(|turn| turn.mood))),
        Chart::counts("Emotions of seekers", named(turns().filter_map(|turn| turn.emotion))),
        Chart::counts("Strategies of supporters", named(turns().filter_map(|turn| turn.strategy))),
        memories(turns()),
        Chart::counts("Ratings, mean of three", numbers(ratings().map(|rating| format!("{:.1}", rating.mean())))),
        splits(corpus),
        variety.chart("Distinct words, pairs and triples"),
    ];
    CorpusStats {
        dialogues: corpus.dialogues.rows.len(),
        utterances: turns().count(),
        words: lengths().sum(),
        memories_used: used as f64 / all.max(1) as f64,
        mean_rating: mean(ratings().map(Rating::mean)),
        variety,
        commonest_fours: numbered.commonest_fours_of(COMPARED_WORDS),
        beside: None,
        pair,
        charts,
    }
}

impl CorpusStats {
    /// With another file's variety beside ours. Its rows hold `dialog` with `text`s (ESConv) or `dial` with `utterance`s.
    ///
    /// # Errors
    /// A file that cannot be read or holds no such rows.
    pub fn with_beside(mut self, corpus: &Corpus, path: &Path) -> Result<Self, EvaluationError> {
        let theirs = read_beside(path)?;
        let (ours, theirs) =
            (corpus.numbered(), Numbered::of_groups(theirs.iter().map(|talk| talk.iter().map(String::as_str))));
        let most = ours.len().min(theirs.len());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = Beside {
            name,
            ours: ours.variety(most),
            theirs: theirs.variety(most),
            // Of no words at all nothing is common.
            our_commonest_fours: ours.commonest_fours_of(most).unwrap_or_default(),
            their_commonest_fours: theirs.commonest_fours_of(most).unwrap_or_default(),
        };
        let words = super::super::counted(beside.ours.words);
        self.charts.push(beside.ours.chart(format!("Distinct, of {words} words of ours")));
        self.charts.push(beside.theirs.chart(format!("Distinct, of as many in {}", beside.name)));
        self.beside = Some(beside);
        Ok(self)
    }
}

fn read_beside(path: &Path) -> Result<Vec<Vec<String>>, EvaluationError> {
    let text = fs::read_to_string(path).map_err(EvaluationError::read(path))?;
    let mut talks = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |found: String| EvaluationError::Shape {
            place: format!("{}:{}", path.display(), at + 1),
            expected: "a dialogue, {\"dialog\": [{\"text\": …}]} or {\"dial\": [{\"utterance\": …}]}",
            found,
        };
        let row: Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let turns = ["dialog", "dial"].iter().find_map(|name| row.get(name)?.as_array());
        let said = turns.ok_or_else(|| wrong("neither".to_owned()))?.iter().map(|turn| {
            let text = ["text", "utterance"].iter().find_map(|name| turn.get(name)?.as_str());
            text.map(str::to_owned).ok_or_else(|| wrong(format!("a turn without text: {turn}")))
        });
        talks.push(said.collect::<Result<_, _>>()?);
    }
    Ok(talks)
}

/// The mean mood of each fifth of a talk. A curve by turns would end with the moods of the long talks alone.
fn moods_by_fifth(corpus: &Corpus) -> Chart {
    let mut of_fifths: [Vec<f64>; 5] = Default::default();
    for AuthoredDialogue { dial, .. } in corpus.dialogues.iter() {
        // Each talk counts once in each fifth, however many of the seeker's turns lie there.
        let mut moods: [Vec<f64>; 5] = Default::default();
        for (at, turn) in dial.iter().enumerate().filter(|(_, turn)| turn.speaker == Speaker::Seeker) {
            moods[at * 5 / dial.len()].extend(turn.mood.map(f64::from));
        }
        of_fifths.iter_mut().zip(moods).for_each(|(all, moods)| all.extend(mean(moods)));
    }
    let named = ["first", "second", "third", "fourth", "last"].into_iter().zip(of_fifths);
    let means = named.filter_map(|(fifth, moods)| Some((format!("{fifth} fifth"), mean(moods)?)));
    Chart::new("Mean mood, by fifth of the talk", Unit::Number, means)
}

fn memories<'a>(turns: impl Iterator<Item = &'a AuthoredTurn>) -> Chart {
    let supporters = turns.filter(|turn| turn.speaker == Speaker::Supporter);
    let label = |turn: &AuthoredTurn| match turn.choose_info.aspect.as_str() {
        "" => "none".to_owned(),
        name => Aspect::from(name).label(),
    };
    let counts = tally(supporters.map(label));
    let all: usize = counts.values().sum();
    let mut ordered: Vec<_> = counts.into_iter().collect();
    ordered.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shares = ordered.into_iter().map(|(label, count)| (label, count as f64 / all.max(1) as f64));
    Chart::new("Memory of a supporter's turn", Unit::Share, shares)
}

fn splits(corpus: &Corpus) -> Chart {
    let split = |seeker, supporter| corpus.readable_splits().and_then(|splits| splits.of_pair(seeker, supporter));
    let counts = tally(corpus.dialogues.iter().map(|dialogue| split(dialogue.seeker, dialogue.supporter)));
    let in_split =
        Split::ALL.into_iter().map(|split| (split.as_str().to_owned(), counts.get(&Some(split)).copied().unwrap_or(0)));
    let outside = counts.get(&None).map(|count| ("none or across".to_owned(), *count));
    Chart::counts("Dialogues of each split", in_split.chain(outside))
}

fn numbers<K: Ord + ToString>(values: impl Iterator<Item = K>) -> Vec<(String, usize)> {
    tally(values).into_iter().map(|(value, count)| (value.to_string(), count)).collect()
}

fn by_ten(values: impl Iterator<Item = usize>, label: impl Fn(usize) -> String) -> Vec<(String, usize)> {
    tally(values.map(|value| value / 10 * 10)).into_iter().map(|(value, count)| (label(value), count)).collect()
}

/// The commonest first, by the name that files give.
fn named<K: Serialize + Ord>(values: impl Iterator<Item = K>) -> Vec<(String, usize)> {
    let mut counts: Vec<_> = tally(values).into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let name = |value: K| serde_json::to_value(value).ok().and_then(|name| name.as_str().map(str::to_owned));
    counts.into_iter().map(|(value, count)| (name(value).unwrap_or_default(), count)).collect()
}
