//! The loop of the thread that owns an encoder: takes everything that waits and runs it in batches.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::{Kind, Tensor};
use tokio::sync::oneshot;

use super::EncoderError;
use super::inputs::Row;
use super::plan;
use crate::nn::inbox::{self, Absence, Inbox};
use crate::nn::keeper::{Ended, said};
use crate::nn::{Bert, BertInput, bert, compute};

/// Padded tokens of a batch: enough to keep the cores busy, little enough that attention over them fits the cache.
const BATCH_TOKENS: usize = 4096;
/// Tokens of a round, after which new callers are let in.
const ROUND_TOKENS: usize = 4 * BATCH_TOKENS;
/// After this many batches in a row that panicked it is the model that is at fault, not they.
const MOST_PANICS: usize = 3;

/// What is wanted of each text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its embedding, of unit length.
    Embedding,
    /// The logits of the classification head.
    Logits,
}

/// What the caller gets: for each row its numbers, in order.
pub(super) type Answer = Result<Vec<Vec<f32>>, EncoderError>;

/// The texts of one call: its rows are run in order.
#[derive(Debug)]
pub(super) struct Job {
    wanted: Wanted,
    rows: Vec<Row>,
    /// The numbers of the rows already run.
    done: Vec<Vec<f32>>,
    /// Where the answer goes. Closed when the caller has left.
    answer: oneshot::Sender<Answer>,
}

impl inbox::Job for Job {
    fn weight(&self) -> usize {
        self.rows.len() - self.done.len()
    }

    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn dismiss(self, why: Absence) {
        // Whoever has left needs no answer.
        let _ = self.answer.send(Err(why.into()));
    }
}

/// The owner of an encoder and of all its tensors.
pub(super) struct Worker {
    model: Bert,
    /// Batches in a row that panicked.
    panics: usize,
}

impl Worker {
    /// An encoder that has run nothing yet.
    pub(super) fn new(model: Bert) -> Self {
        Self { model, panics: 0 }
    }

    /// Serves calls until the inbox is closed. A batch that fails is the answer of those who had texts in it only,
    /// unless one after the other panics. The calls being served lie in `hand`.
    pub(super) fn run(mut self, inbox: &Inbox<Job>, hand: &mut Vec<Job>) -> Ended {
        let _no_grad = tch::no_grad_guard();
        loop {
            if hand.is_empty() {
                match inbox.next() {
                    Some(job) => hand.push(job),
                    None => return Ended::Closed,
                }
            }
            if has_room(hand, inbox.limit()) {
                hand.extend(inbox.take_all());
            }
            if inbox.absence().is_some() {
                return Ended::Closed;
            }
            hand.retain(|job| !inbox::Job::abandoned(job));
            fail::fail_point!("encoder::thread");
            self.round(hand);
            *hand = hand.drain(..).filter_map(Job::answered).collect();
            if self.panics >= MOST_PANICS {
                return Ended::Distrusted { reason: format!("{} batches in a row panicked", self.panics) };
            }
        }
    }

    /// Runs some texts of every job.
    fn round(&mut self, jobs: &mut [Job]) {
        let lengths: Vec<Vec<usize>> = jobs.iter().map(Job::waiting).collect();
        let taken = plan::round(&lengths.iter().map(Vec::as_slice).collect::<Vec<_>>(), ROUND_TOKENS);
        for wanted in [Wanted::Embedding, Wanted::Logits] {
            let texts: Vec<(usize, usize)> = (0..jobs.len())
                .filter(|&at| jobs[at].wanted == wanted)
                .flat_map(|at| {
                    let start = jobs[at].done.len();
                    (start..start + taken[at]).map(move |row| (at, row))
                })
                .collect();
            let outcomes = self.texts(wanted, jobs, &texts);
            for ((at, _), outcome) in texts.into_iter().zip(outcomes) {
                jobs[at].take(outcome);
            }
        }
    }

    /// The numbers of these texts, named by job and row.
    fn texts(&mut self, wanted: Wanted, jobs: &[Job], texts: &[(usize, usize)]) -> Vec<Result<Vec<f32>, EncoderError>> {
        let rows: Vec<&Row> = texts.iter().map(|&(at, row)| &jobs[at].rows[row]).collect();
        let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
        let mut outcomes = vec![Err(EncoderError::Failed { reason: "the caller has left".into() }); texts.len()];
        for batch in plan::batches(&lengths, BATCH_TOKENS) {
            // Those who left since the round began cost nothing more.
            let batch: Vec<usize> = batch.into_iter().filter(|&at| !jobs[texts[at].0].answer.is_closed()).collect();
            if batch.is_empty() {
                continue;
            }
            let rows: Vec<&Row> = batch.iter().map(|&at| rows[at]).collect();
            match catch_unwind(AssertUnwindSafe(|| self.batch(wanted, &rows))) {
                Ok(numbers) => {
                    self.panics = 0;
                    batch.iter().zip(numbers).for_each(|(&at, numbers)| outcomes[at] = Ok(numbers));
                }
                Err(panic) => {
                    self.panics += 1;
                    let error = EncoderError::Failed { reason: said(panic.as_ref()) };
                    tracing::warn!(%error, "a batch broke off");
                    batch.iter().for_each(|&at| outcomes[at] = Err(error.clone()));
                }
            }
        }
        outcomes
    }

    /// One batch through the model, padded to its longest row.
    fn batch(&self, wanted: Wanted, rows: &[&Row]) -> Vec<Vec<f32>> {
        fail::fail_point!("encoder::batch");
        let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        // A masked token may be any; a model that names none gets its first.
        let pad = self.model.config().pad_token_id.unwrap_or(0);
        let shape = [rows.len() as i64, longest as i64];
        let tensor = |value: &dyn Fn(&Row, usize) -> i64| {
            let numbers: Vec<i64> = rows.iter().flat_map(|row| (0..longest).map(|at| value(row, at))).collect();
            Tensor::from_slice(&numbers).view(shape).to_device(self.model.device())
        };
        let padded = rows.iter().any(|row| row.ids.len() < longest);
        let paired = rows.iter().any(|row| row.second < row.ids.len());
        let input = BertInput {
            ids: tensor(&|row, at| row.ids.get(at).map_or(pad, |&id| i64::from(id))),
            types: paired.then(|| tensor(&|row, at| i64::from(at >= row.second && at < row.ids.len()))),
            mask: padded.then(|| tensor(&|row, at| i64::from(at < row.ids.len()))),
        };
        let _turn = compute::turn(self.model.device());
        let states = self.model.states(&input);
        let numbers = match wanted {
            Wanted::Embedding => bert::mean_pool(&states, input.mask.as_ref()),
            // `score` admits no pair where there is no head.
            Wanted::Logits => self
                .model
                .classify(&states)
                .unwrap_or_else(|| Tensor::zeros([shape[0], 0], (Kind::Float, self.model.device()))),
        };
        let numbers = numbers.to_kind(Kind::Float).to_device(tch::Device::Cpu).contiguous();
        let width = numbers.size()[1] as usize;
        let mut flat = vec![0f32; rows.len() * width];
        let length = flat.len();
        numbers.copy_data(&mut flat, length);
        flat.chunks(width.max(1)).map(<[f32]>::to_vec).collect()
    }
}

/// Whether more may be taken from the inbox: what was taken waits as well, so that it is bounded in the same way. The
/// largest call does not count, or it would shut out the small ones it shares the rounds with.
fn has_room(jobs: &[Job], limit: usize) -> bool {
    let texts = || jobs.iter().map(inbox::Job::weight);
    texts().sum::<usize>() - texts().max().unwrap_or(0) < limit
}

impl Job {
    /// A call of which nothing is done. It has at least one row.
    pub(super) fn new(wanted: Wanted, rows: Vec<Row>, answer: oneshot::Sender<Answer>) -> Self {
        let done = Vec::with_capacity(rows.len());
        Self { wanted, rows, done, answer }
    }

    /// Lengths of the rows not yet run.
    fn waiting(&self) -> Vec<usize> {
        self.rows[self.done.len()..].iter().map(|row| row.ids.len()).collect()
    }

    /// Takes the next row's outcome; an error is the answer of the whole call.
    fn take(&mut self, outcome: Result<Vec<f32>, EncoderError>) {
        match outcome {
            Ok(numbers) => self.done.push(numbers),
            Err(error) => {
                let (closed, _) = oneshot::channel();
                // The caller may have left.
                let _ = std::mem::replace(&mut self.answer, closed).send(Err(error));
            }
        }
    }

    /// Answers the call if all its rows are done; otherwise it goes on.
    fn answered(self) -> Option<Self> {
        if self.done.len() < self.rows.len() {
            return (!self.answer.is_closed()).then_some(self);
        }
        let _ = self.answer.send(Ok(self.done));
        None
    }
}
