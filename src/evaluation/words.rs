//! How varied texts are: distinct n-grams, and how much of a text is its commonest turns of phrase.

use std::collections::HashMap;

use serde::Serialize;

use super::chart::{Chart, Unit};

/// How many of the commonest 4-grams are summed up: enough to catch a stock of phrases, few beside a language's own.
const COMMONEST: usize = 100;

/// The words of a text in lower case: runs of letters and apostrophes.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .map(|word| word.trim_matches(['\'', '’']).to_lowercase())
        .filter(|word| !word.is_empty())
}

/// Texts as numbers, each word its own.
#[derive(Clone, Debug, Default)]
pub struct Numbered {
    ids: HashMap<String, u32>,
    texts: Vec<Vec<u32>>,
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
    /// Of these texts.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut numbered = Self::default();
        for text in texts {
            let ids = words(text)
                .map(|word| {
                    let next = numbered.ids.len() as u32;
                    *numbered.ids.entry(word).or_insert(next)
                })
                .collect();
            numbered.texts.push(ids);
        }
        numbered
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.texts.iter().map(Vec::len).sum()
    }

    /// Whether there is no word at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The share that the hundred commonest 4-grams have of all, and the commonest five with how often they come.
    pub fn commonest_fours(&self) -> (f64, Vec<(String, usize)>) {
        let mut counts: HashMap<[u32; 4], usize> = HashMap::new();
        let mut all = 0usize;
        for text in &self.texts {
            for four in text.windows(4) {
                *counts.entry([four[0], four[1], four[2], four[3]]).or_default() += 1;
                all += 1;
            }
        }
        let mut ordered: Vec<_> = counts.into_iter().collect();
        ordered.sort_unstable_by_key(|(four, count)| (std::cmp::Reverse(*count), *four));
        ordered.truncate(COMMONEST);
        let common: usize = ordered.iter().map(|(_, count)| count).sum();
        let mut spelled = vec![""; self.ids.len()];
        self.ids.iter().for_each(|(word, id)| spelled[*id as usize] = word);
        let told = |four: &[u32; 4]| four.map(|id| spelled[id as usize]).join(" ");
        let first = ordered.iter().take(5).map(|(four, count)| (told(four), *count)).collect();
        (common as f64 / all.max(1) as f64, first)
    }

    /// Distinct n-grams over the first `most` words: shares fall with length, so that only equal lengths compare.
    pub fn variety(&self, most: usize) -> Variety {
        let mut left = most;
        let mut seen: [std::collections::HashSet<[u32; 3]>; 3] = Default::default();
        let mut all = [0usize; 3];
        for text in &self.texts {
            let text = &text[..text.len().min(left)];
            left -= text.len();
            for n in 1..=3 {
                for gram in text.windows(n) {
                    let mut key = [u32::MAX; 3];
                    key[..n].copy_from_slice(gram);
                    seen[n - 1].insert(key);
                    all[n - 1] += 1;
                }
            }
        }
        let distinct = [0, 1, 2].map(|n| seen[n].len() as f64 / all[n].max(1) as f64);
        Variety { words: all[0], distinct }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_apostrophes_and_letters() {
        assert_eq!(words("Don’t go, 'Éva' – it's 9.").collect::<Vec<_>>(), ["don’t", "go", "éva", "it's", "9"]);
    }

    #[test]
    fn distinct_shares_are_of_the_first_words_only() {
        let numbered = Numbered::new(["a b a b", "a b c"]);
        let variety = numbered.variety(usize::MAX);
        assert_eq!(variety.words, 7);
        // 3 of 7 words, {ab, ba, bc} of 5 pairs, {aba, bab, abc} of 3 triples.
        assert_eq!(variety.distinct, [3.0 / 7.0, 3.0 / 5.0, 1.0]);
        assert_eq!(numbered.variety(4).distinct, [0.5, 2.0 / 3.0, 1.0]);
        assert_eq!(Numbered::new([""]).variety(9).words, 0);
    }

    #[test]
    fn the_commonest_fours_are_a_share_of_all() {
        let varied: Vec<String> = (0..300).map(|at| format!("one{at} two{at} three{at} four{at}")).collect();
        let texts = varied.iter().map(String::as_str).chain(std::iter::repeat_n("I am so sorry", 100));
        let (share, first) = Numbered::new(texts).commonest_fours();
        assert_eq!(first[0], ("i am so sorry".to_owned(), 100));
        assert!((share - 199.0 / 400.0).abs() < 1e-12, "{share}");
    }
}
