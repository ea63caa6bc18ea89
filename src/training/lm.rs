//! The loop that trains a language model from scratch: epochs drawn from the seed, steps, validation, checkpoints.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

use super::batch::{Batch, pack};
use super::checkpoint::{self, Place};
use super::corpus::{Corpus, DataFile, Document, Source};
use super::example::{Examples, Weights};
use super::optimizer::Optimizer;
use super::run::{Record, Run, checksum};
use super::schedule::Schedule;
use super::settings::{Length, LmSettings};
use super::threads::Threads;
use super::tokenizer::{self, BOS, EOS, PAD, special};
use super::{TrainingError, export, probe};
use crate::nn::{DeviceChoice, Llama, Placement};

/// Rows of each data set that are validated on; more would take time from learning.
const VALID_ROWS: usize = 40;
/// Steps over which the reported loss and speed are smoothed.
const SMOOTHING: f64 = 0.95;

/// What happens in a run, for whoever shows it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step is done.
    Step {
        /// Steps done.
        step: u64,
        /// Smoothed loss, nats a token.
        loss: f64,
        /// Tokens read a second, smoothed.
        speed: f64,
        /// How much of the run lies behind, 0 to 1.
        done: f64,
    },
    /// The kept-back replies were tried.
    Valid {
        /// Steps done.
        step: u64,
        /// Loss by data set, nats a token of a reply.
        losses: Vec<(Source, f64)>,
        /// A reply to a fixed message.
        sample: String,
    },
    /// A checkpoint and the model so far are on disk.
    Saved {
        /// Steps done.
        step: u64,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As long as it was asked to be.
    Done,
    /// Stopped on request; it can be resumed.
    Interrupted,
}

/// A training run, ready to go (on).
pub struct Trainer {
    run: Run,
    settings: LmSettings,
    tokenizer: Tokenizer,
    pad: u32,
    model: Llama,
    optimizer: Optimizer,
    examples: Examples,
    train: Vec<Document>,
    valid: Vec<(Source, Vec<Batch>)>,
    place: Place,
    adapt: bool,
}

impl Trainer {
    /// Starts a run in a new folder, with the tokenizer of `tokenizer_folder`.
    ///
    /// # Errors
    /// A folder in use, a tokenizer that cannot be read, settings that cannot work.
    pub fn create(
        folder: &Path,
        tokenizer_folder: &Path,
        settings: LmSettings,
        corpus: Corpus,
        device: DeviceChoice,
    ) -> Result<Self, TrainingError> {
        settings.check()?;
        let record = Record {
            settings: settings.clone(),
            tokenizer_sha256: checksum(&tokenizer_folder.join("tokenizer.json"))?,
            files: corpus.files.clone(),
            places: corpus.places.clone(),
        };
        let tokenizer = tokenizer::load(tokenizer_folder)?;
        let run = Run::create(folder, &record)?;
        tokenizer::save(&tokenizer, run.folder())?;
        Self::assemble(run, settings, tokenizer, corpus, device)
    }

    /// Goes on from the newest checkpoint of a run. With `change` the settings are changed first; other data than the
    /// run began with is refused unless `new_data`, which begins a new epoch with it.
    ///
    /// # Errors
    /// A folder without a run, a damaged checkpoint, other data.
    pub fn resume(
        folder: &Path,
        corpus: Corpus,
        new_data: bool,
        change: impl FnOnce(&mut LmSettings),
        device: DeviceChoice,
    ) -> Result<Self, TrainingError> {
        let (run, mut record) = Run::open(folder)?;
        let same = record.files == corpus.files;
        if !same && !new_data {
            let reason = format!(
                "the data changed since the run began ({}); --new-data goes on with what is there now",
                difference(&record.files, &corpus.files)
            );
            return Err(TrainingError::Run { path: folder.to_owned(), reason });
        }
        change(&mut record.settings);
        record.settings.check()?;
        record.files.clone_from(&corpus.files);
        record.places.clone_from(&corpus.places);
        run.write_record(&record)?;
        let tokenizer = tokenizer::load(folder)?;
        let mut trainer = Self::assemble(run, record.settings, tokenizer, corpus, device)?;
        if let Some(newest) = checkpoint::newest(folder)? {
            trainer.place = checkpoint::load(&newest, &mut trainer.model.parameters(), &mut trainer.optimizer)?;
            if !same {
                trainer.place.epoch += 1;
                trainer.place.batch = 0;
            }
        }
        Ok(trainer)
    }

    fn assemble(
        run: Run,
        settings: LmSettings,
        tokenizer: Tokenizer,
        corpus: Corpus,
        device: DeviceChoice,
    ) -> Result<Self, TrainingError> {
        let (bos, eos, pad) = (special(&tokenizer, BOS)?, special(&tokenizer, EOS)?, special(&tokenizer, PAD)?);
        let config = settings.shape.config(tokenizer.get_vocab_size(true), bos, eos);
        let seed = settings.seed as i64;
        let model = Llama::init(config, seed, Placement::choose(device)?.device);
        let optimizer = Optimizer::new(model.parameters(), settings.method, settings.decay, settings.clip);
        let (train, valid) = corpus.split(settings.valid_share, settings.seed);
        let valid = valid_batches(&valid, &settings, &tokenizer)?;
        let examples = Examples::new(tokenizer.clone(), settings.weights, settings.longest)?;
        Ok(Self {
            run,
            settings,
            tokenizer,
            pad,
            model,
            optimizer,
            examples,
            train,
            valid,
            place: Place::default(),
            adapt: false,
        })
    }

    /// Lets the run choose, now and then, between all its threads and one: on a machine that is busy with other work,
    /// threads that wait for one another are slower than one alone. The results then depend on the machine's load in
    /// their last digits.
    pub fn adapt_threads(&mut self) {
        self.adapt = true;
    }

    /// How many numbers the model learns.
    pub fn parameters(&self) -> usize {
        self.model.parameters().iter().map(|(_, weight)| weight.numel()).sum()
    }

    /// Where the run stands.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Trains until the run is over or `stop` is set, telling `report` what happens. Saves before it returns.
    ///
    /// # Errors
    /// A loss that is no number, or a disk that cannot be written.
    pub fn train(&mut self, stop: &AtomicBool, report: &mut dyn FnMut(Event)) -> Result<Outcome, TrainingError> {
        let schedule = Schedule { peak: self.settings.rate, warmup: self.settings.warmup };
        let total = match self.settings.length {
            Length::Steps(steps) => Some(steps),
            // Counted on the first epoch, whichever one a resumed run is in: the end must not move.
            Length::Epochs(epochs) => {
                let steps = self.epoch(0)?.len().div_ceil(self.settings.accumulate);
                Some((steps as f64 * epochs).ceil() as u64)
            }
            Length::Minutes(_) => None,
        };
        let mut batches = self.epoch(self.place.epoch)?;
        let mut threads = self.adapt.then(|| Threads::new(tch::get_num_threads()));
        let before = self.place.seconds;
        let start = Instant::now();
        let mut saved = start;
        let (mut smooth_loss, mut smooth_speed) = (None, None);
        loop {
            self.place.seconds = before + start.elapsed().as_secs_f64();
            let done = match (total, self.settings.length) {
                (Some(total), _) => self.place.step as f64 / total.max(1) as f64,
                (None, Length::Minutes(minutes)) => self.place.seconds / (60.0 * minutes),
                (None, _) => 1.0,
            };
            let over = done >= 1.0;
            let stopped = stop.load(Ordering::Relaxed);
            if over || stopped {
                if over {
                    self.validate(report)?;
                }
                self.save(report)?;
                return Ok(if over { Outcome::Done } else { Outcome::Interrupted });
            }
            if saved.elapsed().as_secs_f64() > self.settings.save_every {
                self.save(report)?;
                saved = Instant::now();
            }
            while self.place.batch >= batches.len() {
                self.place.epoch += 1;
                self.place.batch = 0;
                batches = self.epoch(self.place.epoch)?;
            }
            let group = &batches[self.place.batch..(self.place.batch + self.settings.accumulate).min(batches.len())];
            if let Some(threads) = &mut threads {
                tch::set_num_threads(threads.choose(self.place.step));
            }
            let step_start = Instant::now();
            let rate = schedule.rate(self.place.step, done);
            let step = self.place.step + 1;
            let value = self.gradients(group);
            if !value.is_finite() {
                return Err(TrainingError::NotANumber { what: "loss", step, found: value, rate });
            }
            let gradient = self.optimizer.step(rate);
            if !gradient.is_finite() {
                return Err(TrainingError::NotANumber { what: "gradient", step, found: gradient, rate });
            }
            let tokens: usize = group.iter().map(Batch::tokens).sum();
            let speed = tokens as f64 / step_start.elapsed().as_secs_f64();
            if let Some(threads) = &mut threads {
                threads.observe(speed);
            }
            self.place.step += 1;
            self.place.batch += group.len();
            self.place.tokens += tokens as u64;
            self.run.note(&json!({
                "step": self.place.step, "epoch": self.place.epoch, "loss": value, "rate": rate, "gradient": gradient,
                "tokens": self.place.tokens, "tokens_per_second": speed.round(), "seconds": self.place.seconds.round(),
            }))?;
            let smooth = |old: &mut Option<f64>, new: f64| {
                *old.insert(old.map_or(new, |old| old * SMOOTHING + new * (1.0 - SMOOTHING)))
            };
            let (loss, speed) = (smooth(&mut smooth_loss, value), smooth(&mut smooth_speed, speed));
            report(Event::Step { step: self.place.step, loss, speed, done });
            if self.place.step.is_multiple_of(self.settings.valid_every) {
                self.validate(report)?;
            }
        }
    }

    /// Adds up the gradients of some batches as if they were one, and returns its loss.
    fn gradients(&self, group: &[Batch]) -> f64 {
        let all = group.iter().map(Batch::weight).sum::<f64>();
        let mut value = 0.0;
        for batch in group {
            let (mean, weight) = probe::loss(&self.model, &batch.tensors(self.pad, self.model.device()));
            let part = mean * (weight / all);
            value += part.double_value(&[]);
            part.backward();
        }
        value
    }

    /// The batches of an epoch: the same for the same seed, data and number.
    fn epoch(&mut self, number: u64) -> Result<Vec<Batch>, TrainingError> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
        rng.set_stream(number + 1);
        let mut rows = Vec::new();
        for document in &self.train {
            let readings = self.settings.mix.of(document.source);
            let mut times = readings.floor() as u64;
            times += u64::from(rng.random_bool(readings - readings.floor()));
            for _ in 0..times {
                rows.extend(self.examples.of(document, &mut rng)?);
            }
        }
        let batches = pack(rows, self.settings.batch_tokens, &mut rng);
        if batches.is_empty() {
            return Err(TrainingError::NoData {
                folders: "what was read, after cleaning and splitting".into(),
                expected: "conversation with a reply of a few words".into(),
            });
        }
        Ok(batches)
    }

    fn validate(&self, report: &mut dyn FnMut(Event)) -> Result<(), TrainingError> {
        let losses: Vec<(Source, f64)> = self
            .valid
            .iter()
            .map(|(source, batches)| (*source, probe::valid_loss(&self.model, batches, self.pad)))
            .collect();
        let sample = probe::sample(&self.model, &self.tokenizer)?;
        let by_source: Map<String, Value> =
            losses.iter().map(|(source, loss)| (source.as_str().to_owned(), json!(loss))).collect();
        self.run.note(&json!({"step": self.place.step, "valid": by_source, "sample": sample}))?;
        report(Event::Valid { step: self.place.step, losses, sample });
        Ok(())
    }

    fn save(&self, report: &mut dyn FnMut(Event)) -> Result<(), TrainingError> {
        checkpoint::save(self.run.folder(), &self.place, &self.model.parameters(), &self.optimizer)?;
        export::write(&self.model, &self.tokenizer, &self.run.model())?;
        report(Event::Saved { step: self.place.step });
        Ok(())
    }
}

/// A few replies of each data set, the same in every validation.
fn valid_batches(
    documents: &[Document],
    settings: &LmSettings,
    tokenizer: &Tokenizer,
) -> Result<Vec<(Source, Vec<Batch>)>, TrainingError> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    // Running text has no reply: all of it counts.
    let weights = Weights { passage: 1.0, ..Weights::REPLY_ONLY };
    let mut examples = Examples::new(tokenizer.clone(), weights, settings.longest)?;
    let mut rows: std::collections::BTreeMap<Source, Vec<_>> = std::collections::BTreeMap::new();
    for document in documents {
        rows.entry(document.source).or_default().extend(examples.of(document, &mut rng)?);
    }
    Ok(rows
        .into_iter()
        .map(|(source, mut rows)| {
            use rand::seq::SliceRandom;
            rows.shuffle(&mut rng);
            rows.truncate(VALID_ROWS);
            (source, pack(rows, settings.batch_tokens, &mut rng))
        })
        .filter(|(_, batches)| !batches.is_empty())
        .collect())
}

fn difference(before: &[DataFile], now: &[DataFile]) -> String {
    let changed: Vec<&str> = now
        .iter()
        .filter(|file| !before.contains(file))
        .chain(before.iter().filter(|file| !now.contains(file)))
        .map(|file| file.name.as_str())
        .take(5)
        .collect();
    if changed.is_empty() { "other order".to_owned() } else { changed.join(", ") }
}
