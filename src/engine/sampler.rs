//! Draws the next token from logits: pure functions in the order of `transformers` (repetition penalty, minimum length,
//! temperature, top-k, top-p, min-p). Filters write negative infinity over what they drop.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Sampling;

/// What a filter writes over a dropped token.
const DROPPED: f32 = f32::NEG_INFINITY;

/// The state of one request's sampling: its random stream and the tokens it has seen.
#[derive(Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    /// Which tokens occurred in prompt or reply, by id: the penalty applies once a token, however often it came.
    seen: Vec<bool>,
    /// The same as a list, so that the penalty costs nothing for the rest of the vocabulary.
    seen_ids: Vec<u32>,
    eos: Vec<u32>,
    drawn: usize,
    candidates: Vec<(f32, u32)>,
}

impl Sampler {
    /// A sampler for a request whose prompt has these tokens and whose reply ends at one of `eos`.
    pub(super) fn new(sampling: Sampling, prompt: &[u32], eos: &[u32]) -> Self {
        let random = ChaCha8Rng::seed_from_u64(sampling.seed);
        let mut sampler = Self {
            sampling,
            random,
            seen: Vec::new(),
            seen_ids: Vec::new(),
            eos: eos.to_vec(),
            drawn: 0,
            candidates: Vec::new(),
        };
        prompt.iter().for_each(|&id| sampler.see(id));
        sampler
    }

    /// The next token; `None` if the logits hold no finite number or a NaN. Overwrites the logits.
    pub(super) fn next(&mut self, logits: &mut [f32]) -> Option<u32> {
        if logits.iter().any(|logit| logit.is_nan()) {
            return None;
        }
        let Sampling { temperature, top_k, top_p, min_p, repetition_penalty, min_new_tokens, .. } = self.sampling;
        penalise_repetition(logits, &self.seen_ids, repetition_penalty);
        if self.drawn < min_new_tokens {
            forbid(logits, &self.eos);
        }
        let token = if temperature == 0.0 {
            likeliest(logits)?
        } else {
            scale(logits, temperature);
            keep_top_k(logits, top_k, &mut self.candidates);
            keep_top_p(logits, top_p, &mut self.candidates);
            keep_min_p(logits, min_p);
            draw(logits, self.random.random::<f64>())?
        };
        self.drawn += 1;
        self.see(token);
        Some(token)
    }

    fn see(&mut self, id: u32) {
        let at = id as usize;
        if self.seen.len() <= at {
            self.seen.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.seen[at], true) {
            self.seen_ids.push(id);
        }
    }
}

/// Divides positive and multiplies negative logits of the tokens seen (CTRL, arXiv 1909.05858, section 4.1).
fn penalise_repetition(logits: &mut [f32], seen: &[u32], penalty: f32) {
    if penalty == 1.0 {
        return;
    }
    for &id in seen {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
        }
    }
}

/// Makes these tokens impossible.
fn forbid(logits: &mut [f32], ids: &[u32]) {
    for &id in ids {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = DROPPED;
        }
    }
}

fn scale(logits: &mut [f32], temperature: f32) {
    if temperature != 1.0 {
        logits.iter_mut().for_each(|logit| *logit /= temperature);
    }
}

/// Keeps the k likeliest tokens, and those that tie with the last of them.
fn keep_top_k(logits: &mut [f32], k: usize, candidates: &mut Vec<(f32, u32)>) {
    if k == 0 || k >= logits.len() {
        return;
    }
    candidates.clear();
    candidates.extend(logits.iter().zip(0..).map(|(&logit, id)| (logit, id)));
    let (_, &mut (least, _), _) = candidates.select_nth_unstable_by(k - 1, |a, b| b.0.total_cmp(&a.0));
    logits.iter_mut().filter(|logit| **logit < least).for_each(|logit| *logit = DROPPED);
}

/// Keeps a token if those likelier than it together have less than `p` (nucleus sampling, arXiv 1904.09751), and always
/// the likeliest.
fn keep_top_p(logits: &mut [f32], p: f32, candidates: &mut Vec<(f32, u32)>) {
    if p >= 1.0 {
        return;
    }
    let (max, sum) = normaliser(logits);
    // All tokens below this share together weigh less than 1 − p, so that none of them can be kept: the sort sees only
    // the few above it.
    let tail = (1.0 - f64::from(p)) / logits.len() as f64;
    let floor = f64::from(max) + (tail * sum).ln();
    let share = |logit: f32| f64::from(logit - max).exp() / sum;
    candidates.clear();
    candidates.extend(logits.iter().zip(0..).filter(|(l, _)| f64::from(**l) >= floor).map(|(&logit, id)| (logit, id)));
    candidates.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut likelier = 0.0;
    let kept = candidates
        .iter()
        .take_while(|(logit, _)| {
            let keep = likelier < f64::from(p);
            likelier += share(*logit);
            keep
        })
        .count()
        .max(1)
        .min(candidates.len());
    candidates.truncate(kept);
    logits.fill(DROPPED);
    candidates.iter().for_each(|&(logit, id)| logits[id as usize] = logit);
}

/// Drops tokens less likely than this share of the likeliest (arXiv 2407.01082).
fn keep_min_p(logits: &mut [f32], share: f32) {
    if share <= 0.0 {
        return;
    }
    let floor = maximum(logits) + share.ln();
    logits.iter_mut().filter(|logit| **logit < floor).for_each(|logit| *logit = DROPPED);
}

/// The token with the greatest logit, the first of equals.
fn likeliest(logits: &[f32]) -> Option<u32> {
    let max = maximum(logits);
    (0..).zip(logits).find(|(_, logit)| max.is_finite() && **logit == max).map(|(id, _)| id)
}

/// The token in whose share of the distribution `point` (in `[0, 1)`) falls, shares laid out by id.
fn draw(logits: &[f32], point: f64) -> Option<u32> {
    let (max, sum) = normaliser(logits);
    if !max.is_finite() {
        return None;
    }
    let goal = point * sum;
    let mut passed = 0.0;
    let mut last = None;
    for (id, &logit) in (0..).zip(logits).filter(|(_, logit)| **logit > DROPPED) {
        passed += f64::from(logit - max).exp();
        last = Some(id);
        if passed > goal {
            break;
        }
    }
    last
}

/// The greatest logit, and the sum of `exp(logit - greatest)`.
fn normaliser(logits: &[f32]) -> (f32, f64) {
    let max = maximum(logits);
    let sum = logits.iter().filter(|logit| **logit > DROPPED).map(|&logit| f64::from(logit - max).exp()).sum();
    (max, sum)
}

fn maximum(logits: &[f32]) -> f32 {
    logits.iter().copied().fold(DROPPED, f32::max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        sampling: Sampling,
        seen: Vec<u32>,
        eos: Vec<u32>,
        logits: Vec<f32>,
        /// After each step of `transformers`; null where a token was dropped.
        penalised: Vec<Option<f32>>,
        minimum: Vec<Option<f32>>,
        scaled: Vec<Option<f32>>,
        top_k: Vec<Option<f32>>,
        top_p: Vec<Option<f32>>,
        min_p: Vec<Option<f32>>,
        probabilities: Vec<f64>,
    }

    fn same(found: &[f32], expected: &[Option<f32>], step: &str) {
        assert_eq!(found.len(), expected.len());
        for (id, (found, expected)) in found.iter().zip(expected).enumerate() {
            match expected {
                Some(expected) => assert!((found - expected).abs() < 1e-4, "{step}, token {id}: {found} {expected}"),
                None => assert_eq!(*found, DROPPED, "{step}, token {id}"),
            }
        }
    }

    fn probabilities(logits: &[f32]) -> Vec<f64> {
        let (max, sum) = normaliser(logits);
        logits.iter().map(|&logit| f64::from(logit - max).exp() / sum).collect()
    }

    #[test]
    fn every_step_agrees_with_transformers() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/fixtures/sampler/cases.json")).unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            let mut logits = case.logits.clone();
            let mut space = Vec::new();
            penalise_repetition(&mut logits, &case.seen, case.sampling.repetition_penalty);
            same(&logits, &case.penalised, "repetition penalty");
            forbid(&mut logits, &case.eos);
            same(&logits, &case.minimum, "minimum length");
            scale(&mut logits, case.sampling.temperature);
            same(&logits, &case.scaled, "temperature");
            keep_top_k(&mut logits, case.sampling.top_k, &mut space);
            same(&logits, &case.top_k, "top-k");
            keep_top_p(&mut logits, case.sampling.top_p, &mut space);
            same(&logits, &case.top_p, "top-p");
            keep_min_p(&mut logits, case.sampling.min_p);
            same(&logits, &case.min_p, "min-p");
            for (found, expected) in probabilities(&logits).iter().zip(&case.probabilities) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }

    proptest! {
        #[test]
        fn filters_keep_the_likeliest_and_a_distribution(
            mut logits in prop::collection::vec(-30f32..30.0, 1..200),
            k in 0usize..50, p in 0f32..=1.0, m in 0f32..=1.0, t in 0.01f32..5.0,
        ) {
            let best = likeliest(&logits).unwrap() as usize;
            let before = logits.clone();
            let mut space = Vec::new();
            scale(&mut logits, t);
            keep_top_k(&mut logits, k, &mut space);
            keep_top_p(&mut logits, p, &mut space);
            keep_min_p(&mut logits, m);
            prop_assert!(logits[best] > DROPPED || before.iter().filter(|l| **l == before[best]).count() > 1);
            let total: f64 = probabilities(&logits).iter().sum();
            prop_assert!((total - 1.0).abs() < 1e-9);
            // A kept token is never less likely than a dropped one.
            let least = (0..logits.len()).filter(|&i| logits[i] > DROPPED).map(|i| before[i]).fold(f32::INFINITY, f32::min);
            prop_assert!((0..logits.len()).all(|i| logits[i] > DROPPED || before[i] <= least));
            if k > 0 {
                let kept = logits.iter().filter(|l| **l > DROPPED).count();
                prop_assert!(kept <= k || before.iter().filter(|l| **l == least).count() > 1);
            }
        }

        #[test]
        fn every_point_draws_a_kept_token(mut logits in prop::collection::vec(-30f32..30.0, 1..100), point in 0f64..1.0) {
            keep_top_k(&mut logits, 5, &mut Vec::new());
            let token = draw(&logits, point).unwrap();
            prop_assert!(logits[token as usize] > DROPPED);
        }
    }

    #[test]
    fn draws_follow_the_distribution() {
        let logits = [0.0f32, 1.0, 2.0, 0.5, -1.0, 1.5];
        let expected = probabilities(&logits);
        let sampling =
            Sampling { temperature: 1.0, top_p: 1.0, repetition_penalty: 1.0, seed: 7, ..Sampling::default() };
        let mut sampler = Sampler::new(sampling, &[], &[]);
        let draws = 60_000;
        let mut counts = [0f64; 6];
        for _ in 0..draws {
            counts[sampler.next(&mut logits.clone()).unwrap() as usize] += 1.0;
        }
        let chi_square: f64 = counts
            .iter()
            .zip(&expected)
            .map(|(n, p)| (n - p * f64::from(draws)).powi(2) / (p * f64::from(draws)))
            .sum();
        // 99.9 % quantile of chi-square with 5 degrees of freedom.
        assert!(chi_square < 20.52, "{chi_square}");
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens() {
        let draw_with = |seed| {
            let mut sampler = Sampler::new(Sampling { seed, ..Sampling::default() }, &[1, 2], &[0]);
            (0..32u32)
                .map(|step| {
                    let mut logits: Vec<f32> = (0..50u32).map(|id| ((id * 7 + step) % 11) as f32 / 3.0).collect();
                    sampler.next(&mut logits).unwrap()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw_with(1), draw_with(1));
        assert_ne!(draw_with(1), draw_with(2));
    }

    #[test]
    fn end_of_sequence_waits_for_the_minimum_and_greedy_takes_the_first_of_equals() {
        let sampling = Sampling { temperature: 0.0, min_new_tokens: 2, repetition_penalty: 1.0, ..Sampling::default() };
        let mut sampler = Sampler::new(sampling, &[], &[0]);
        let drawn: Vec<_> = (0..3).map(|_| sampler.next(&mut [9.0, 1.0, 1.0]).unwrap()).collect();
        assert_eq!(drawn, [1, 1, 0]);
    }

    #[test]
    fn logits_that_are_no_numbers_draw_nothing() {
        let mut sampler = Sampler::new(Sampling::default(), &[], &[]);
        assert_eq!(sampler.next(&mut [f32::NAN, 1.0]), None);
        assert_eq!(sampler.next(&mut [f32::NEG_INFINITY; 3]), None);
    }
}
