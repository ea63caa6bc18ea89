//! Which waiting texts run together: pure decisions over lengths.

/// How many of each job's waiting texts take part in the next round, in which `tokens` may run: every job gets an equal
/// share and at least one text, so that a small job is not held up by a large one, nor the other way round.
///
/// `lengths` are the lengths of each job's waiting texts, in order.
pub(super) fn round(lengths: &[&[usize]], tokens: usize) -> Vec<usize> {
    let share = tokens / lengths.len().max(1);
    lengths
        .iter()
        .map(|lengths| {
            let mut used = 0;
            let fitting = lengths.iter().take_while(|length| {
                used += **length;
                used <= share
            });
            fitting.count().max(1).min(lengths.len())
        })
        .collect()
}

/// Cuts texts of these lengths into batches by number, longest first. A batch is padded to its longest text and then has
/// at most `budget` tokens, or is a single text.
pub(super) fn batches(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by(|a, b| lengths[*b].cmp(&lengths[*a]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for at in order {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * lengths[batch[0]] <= budget => batch.push(at),
            _ => batches.push(vec![at]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_job_runs_beside_a_large_one() {
        let large = vec![10; 1000];
        assert_eq!(round(&[&large, &[10, 10]], 200), [10, 2]);
        assert_eq!(round(&[&large], 200), [20]);
        assert_eq!(round(&[&[500, 10], &[]], 200), [1, 0]);
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch_within_the_budget(lengths in prop::collection::vec(1usize..200, 0..60), budget in 1usize..1000) {
            let batches = batches(&lengths, budget);
            let mut all: Vec<usize> = batches.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            for batch in batches {
                let longest = batch.iter().map(|at| lengths[*at]).max().unwrap();
                prop_assert!(batch.len() == 1 || batch.len() * longest <= budget);
            }
        }

        #[test]
        fn every_job_with_texts_gets_on(jobs in prop::collection::vec(prop::collection::vec(1usize..50, 0..9), 1..9), tokens in 0usize..300) {
            let lengths: Vec<&[usize]> = jobs.iter().map(Vec::as_slice).collect();
            for (taken, job) in round(&lengths, tokens).iter().zip(&jobs) {
                prop_assert!(*taken <= job.len() && (*taken > 0 || job.is_empty()));
            }
        }
    }
}
