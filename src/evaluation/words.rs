//! How varied texts are: distinct n-grams, and how much of a text is its commonest turns of phrase.

use std::collections::{HashMap, HashSet};

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::chart::{Chart, Unit};

/// How many of the commonest 4-grams are summed up: enough to catch a stock of phrases, few beside a language's own.
pub const COMMONEST: usize = 100;
/// Shares fall as texts grow: they compare at one count of words only, and this many tell a stock of phrases from chance.
pub const COMPARED_WORDS: usize = 20_000;
/// So many times that many words are drawn: one draw of ESConv tells anything from 1.9 to 2.5 %, the mean of ten hardly
/// moves.
const DRAWS: u64 = 10;

/// The words of a text in lower case: runs of letters and apostrophes.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .map(|word| word.trim_matches(['\'', '’']).to_lowercase())
        .filter(|word| !word.is_empty())
}

/// Texts as numbers, each word its own. Where some of them are drawn, those of a group are drawn together.
#[derive(Clone, Debug, Default)]
pub struct Numbered {
    ids: HashMap<String, u32>,
    groups: Vec<Vec<Vec<u32>>>,
}

/// How varied texts are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Variety {
    /// Words counted.
    pub words: usize,
    /// Distinct n-grams as a share of all, for n = 1, 2, 3 (Li et al. 2016).
    pub distinct: [f64; 3],
}

impl Variety {
    /// The three shares as a chart.
    pub fn chart(&self, title: impl Into<String>) -> Chart {
        let labels = ["words", "pairs", "triples"].map(str::to_owned);
        Chart::new(title, Unit::Share, labels.into_iter().zip(self.distinct))
    }
}

impl Numbered {
    /// Of these texts, each by itself.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of_groups(texts.into_iter().map(std::iter::once))
    }

    /// Of groups of texts, such as the utterances of each dialogue.
    pub fn of_groups<'a, G: IntoIterator<Item = &'a str>>(groups: impl IntoIterator<Item = G>) -> Self {
        let mut ids: HashMap<String, u32> = HashMap::new();
        let mut number = |word| {
            let next = ids.len() as u32;
            *ids.entry(word).or_insert(next)
        };
        let mut numbers = |text| words(text).map(&mut number).collect::<Vec<_>>();
        let groups = groups.into_iter().map(|texts| texts.into_iter().map(&mut numbers).collect()).collect();
        Self { ids, groups }
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.groups.iter().flatten().map(Vec::len).sum()
    }

    /// Whether there is no word at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The commonest five 4-grams of all texts, with how often they come.
    pub fn commonest_fours(&self) -> Vec<(String, usize)> {
        let (_, commonest) = commonest(self.groups.iter().flatten().map(Vec::as_slice));
        let mut spelled = vec![""; self.ids.len()];
        self.ids.iter().for_each(|(word, id)| spelled[*id as usize] = word);
        let told = |four: [u32; 4]| four.map(|id| spelled[id as usize]).join(" ");
        commonest.into_iter().take(5).map(|(four, count)| (told(four), count)).collect()
    }

    /// The share that the [`COMMONEST`] 4-grams have in so many words, by the mean of several draws; none of fewer.
    pub fn commonest_fours_of(&self, words: usize) -> Option<f64> {
        if self.len() < words {
            return None;
        }
        crate::statistics::mean(self.drawn(words).into_iter().map(|texts| commonest(texts).0))
    }

    /// Distinct n-grams of at most so many words, by the mean of several draws.
    pub fn variety(&self, most: usize) -> Variety {
        let drawn: Vec<[f64; 3]> = self.drawn(most).iter().map(|texts| distinct(texts)).collect();
        let mean = |n: usize| drawn.iter().map(|shares| shares[n]).sum::<f64>() / drawn.len().max(1) as f64;
        Variety { words: self.len().min(most), distinct: [mean(0), mean(1), mean(2)] }
    }

    /// All texts where they have no more words than these. Else that many, of groups in an order drawn by a fixed seed,
    /// several times: whoever wrote the first file does not speak for all.
    fn drawn(&self, words: usize) -> Vec<Vec<&[u32]>> {
        if self.len() <= words {
            return vec![self.groups.iter().flatten().map(Vec::as_slice).collect()];
        }
        let draw = |seed| {
            let mut order: Vec<&Vec<Vec<u32>>> = self.groups.iter().collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            let mut left = words;
            let mut texts = Vec::new();
            for text in order.into_iter().flatten() {
                let text = &text[..text.len().min(left)];
                left -= text.len();
                texts.push(text);
                if left == 0 {
                    break;
                }
            }
            texts
        };
        (0..DRAWS).map(draw).collect()
    }
}

/// The share of the commonest 4-grams among all, and those, the commonest first.
fn commonest<'a>(texts: impl IntoIterator<Item = &'a [u32]>) -> (f64, Vec<([u32; 4], usize)>) {
    let mut counts: HashMap<[u32; 4], usize> = HashMap::new();
    let mut all = 0usize;
    for text in texts {
        for four in text.windows(4) {
            *counts.entry([four[0], four[1], four[2], four[3]]).or_default() += 1;
            all += 1;
        }
    }
    let mut ordered: Vec<_> = counts.into_iter().collect();
    ordered.sort_unstable_by_key(|(four, count)| (std::cmp::Reverse(*count), *four));
    ordered.truncate(COMMONEST);
    let common: usize = ordered.iter().map(|(_, count)| count).sum();
    (common as f64 / all.max(1) as f64, ordered)
}

/// The share of distinct words, pairs and triples among all.
fn distinct(texts: &[&[u32]]) -> [f64; 3] {
    [1, 2, 3].map(|n| {
        let grams = || texts.iter().flat_map(|text| text.windows(n));
        grams().collect::<HashSet<_>>().len() as f64 / grams().count().max(1) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_apostrophes_and_letters() {
        assert_eq!(words("Don’t go, 'Éva' – it's 9.").collect::<Vec<_>>(), ["don’t", "go", "éva", "it's", "9"]);
    }

    #[test]
    fn distinct_shares_are_of_words_drawn_from_everywhere() {
        let numbered = Numbered::new(["a b a b", "a b c"]);
        let variety = numbered.variety(usize::MAX);
        assert_eq!(variety.words, 7);
        // 3 of 7 words, {ab, ba, bc} of 5 pairs, {aba, bab, abc} of 3 triples.
        assert_eq!(variety.distinct, [3.0 / 7.0, 3.0 / 5.0, 1.0]);
        assert_eq!(Numbered::new([""]).variety(9).words, 0);
        // The first half says the same again and again, the second never: neither speaks for both.
        let own: Vec<String> = (0..100).map(|at| format!("{at}a {at}b")).collect();
        let numbered = Numbered::new(std::iter::repeat_n("a b", 100).chain(own.iter().map(String::as_str)));
        let half = numbered.variety(200);
        assert!(half.words == 200 && half.distinct[0] > 0.3 && half.distinct[0] < 0.7, "{half:?}");
        assert_eq!(numbered.variety(200), half, "the seed is fixed");
    }

    #[test]
    fn the_share_of_commonest_fours_does_not_fall_as_texts_grow() {
        // Every tenth of the texts is the same phrase.
        let texts = |count: usize| -> Vec<String> {
            let text = |at| if at % 10 == 0 { "I am so sorry".into() } else { format!("{at}a {at}b {at}c {at}d") };
            (0..count).map(text).collect()
        };
        let share = |count, words| Numbered::new(texts(count).iter().map(String::as_str)).commonest_fours_of(words);
        assert_eq!(share(499, 2_000), None, "fewer words are not judged");
        let (short, long) = (share(500, 2_000).unwrap(), share(10_000, 2_000).unwrap());
        assert!((short - 149.0 / 500.0).abs() < 1e-12 && (long - short).abs() < 0.02, "{short} {long}");
    }

    #[test]
    fn groups_are_drawn_together() {
        let talks: Vec<Vec<String>> = (0..50).map(|talk| vec![format!("{talk} {talk}"); 10]).collect();
        let grouped = Numbered::of_groups(talks.iter().map(|talk| talk.iter().map(String::as_str)));
        // Five whole talks hold five words; as many texts of all talks would hold many more.
        assert!((grouped.variety(100).distinct[0] - 0.05).abs() < 1e-12);
    }

    #[test]
    fn the_commonest_fours_are_a_share_of_all() {
        let varied: Vec<String> = (0..300).map(|at| format!("one{at} two{at} three{at} four{at}")).collect();
        let texts = varied.iter().map(String::as_str).chain(std::iter::repeat_n("I am so sorry", 100));
        let numbered = Numbered::new(texts);
        assert_eq!(numbered.commonest_fours()[0], ("i am so sorry".to_owned(), 100));
        let share = numbered.commonest_fours_of(numbered.len()).unwrap();
        assert!((share - 199.0 / 400.0).abs() < 1e-12, "{share}");
    }
}
