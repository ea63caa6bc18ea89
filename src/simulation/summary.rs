//! What a run came to, in a few numbers.

use std::fmt;
use std::time::Duration;

use crate::agents::{OPENING, UNSAID};
use crate::dialogue::DialogueRow;

/// Counts over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Whole dialogues.
    pub dialogues: usize,
    /// Utterances, the fixed openings among them.
    pub utterances: usize,
    /// Words a model said, cut at white space.
    pub words: usize,
    /// Utterances a model made: all but the openings.
    pub generated: usize,
    /// Of these, how many were given a memory.
    pub with_memory: usize,
    /// Of these, how many the model left empty.
    pub unsaid: usize,
}

impl Tally {
    /// Counts a row.
    pub fn add(&mut self, row: &DialogueRow) {
        self.dialogues += 1;
        self.utterances += row.dial.len();
        for turn in row.dial.iter().filter(|turn| turn.turn > 0 || turn.utterance != OPENING) {
            self.generated += 1;
            if turn.utterance == UNSAID {
                self.unsaid += 1;
            } else {
                self.words += turn.utterance.split_whitespace().count();
            }
            self.with_memory += usize::from(!turn.choose_info.content.is_empty());
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Over all rows of the folder.
    pub total: Tally,
    /// Dialogues of the folder that failed.
    pub failed: usize,
    /// Utterances that models made in this process, and in what time: what was there before took none.
    pub made: usize,
    /// How long this process took.
    pub took: Duration,
    /// Whether it was asked to stop before the end.
    pub interrupted: bool,
}

impl Summary {
    /// Utterances made a second.
    pub fn rate(&self) -> f64 {
        self.made as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let total = &self.total;
        let said = total.generated - total.unsaid;
        writeln!(
            f,
            "dialogues            {:>10}{}",
            total.dialogues,
            if self.interrupted { "  (interrupted; the same command goes on)" } else { "" }
        )?;
        if self.failed > 0 {
            writeln!(f, "failed               {:>10}  (see failures.jsonl)", self.failed)?;
        }
        writeln!(f, "utterances           {:>10}", total.utterances)?;
        writeln!(f, "words per utterance  {:>10.1}", per(total.words, said))?;
        writeln!(f, "memory used          {:>9.0}%", 100.0 * per(total.with_memory, total.generated))?;
        if total.unsaid > 0 {
            writeln!(f, "left empty           {:>10}  (written as {UNSAID})", total.unsaid)?;
        }
        write!(
            f,
            "utterances/s         {:>10.2}  ({} made in {:.1} s)",
            self.rate(),
            self.made,
            self.took.as_secs_f64()
        )
    }
}
