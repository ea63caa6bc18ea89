//! Whether texts live on a stock of phrases, bank and corpus by the same measure.

use super::words::{COMMONEST, COMPARED_WORDS, Numbered};
use super::{Finding, counted};

/// Share of the commonest 4-grams in [`COMPARED_WORDS`] words. ESConv, people typing, has 2.3 %.
const COMMONEST_FOURS: f64 = 0.02;

/// The share of the commonest 4-grams against its bar, in as many words of each set of texts.
pub(super) fn fours(of: &str, numbered: &Numbered) -> Finding {
    let what = format!("the {COMMONEST} commonest 4-grams of {of}");
    let expected = format!("at most {:.0} % of {} words", 100.0 * COMMONEST_FOURS, counted(COMPARED_WORDS));
    let Some(share) = numbered.commonest_fours_of(COMPARED_WORDS) else {
        return Finding::bar(what, format!("{} words, too few to tell", counted(numbered.len())), expected, true);
    };
    let holds = share <= COMMONEST_FOURS;
    // Spelled out where somebody has to look for them.
    let first = if holds { Vec::new() } else { numbered.commonest_fours() };
    let places = first.iter().map(|(four, count)| format!("\"{four}\", {} times", counted(*count))).collect();
    Finding::bar(what, format!("{:.2} %", 100.0 * share), expected, holds).at(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_of_phrases_is_at_fault_and_few_words_tell_nothing() {
        let varied: Vec<String> = (0..4_000).map(|at| format!("a{at} b{at} c{at} d{at} e{at}")).collect();
        let texts = |again: usize| {
            let stock = std::iter::repeat_n("I am so sorry to hear that", again);
            Numbered::new(varied.iter().map(String::as_str).chain(stock))
        };
        assert!(fours("texts", &texts(10)).holds);
        let fault = fours("texts", &texts(200));
        assert!(!fault.holds && fault.places[0].contains("\"i am so sorry\", 200 times"), "{fault:?}");
        assert!(fours("texts", &Numbered::new(["I am so sorry"])).holds);
    }
}
