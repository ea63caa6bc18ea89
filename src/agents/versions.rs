//! The tree of turns: a turn said anew is another version beside the first, and the talk goes on from either.

use crate::dialogue::Speaker;
use crate::store::TurnRecord;

/// The turns of a session, all versions, by their place. Places are dense: turn `n` is the `n`th that was stored.
#[derive(Debug, Default)]
pub(super) struct Versions(Vec<TurnRecord>);

impl Versions {
    pub(super) fn new(turns: Vec<TurnRecord>) -> Self {
        Self(turns)
    }

    pub(super) fn all(&self) -> &[TurnRecord] {
        &self.0
    }

    /// The place of the next turn.
    pub(super) fn next(&self) -> u64 {
        self.0.len() as u64
    }

    /// Adds the turn that was stored last. One that is there already (its request was sent again) changes nothing.
    pub(super) fn push(&mut self, turn: TurnRecord) {
        if turn.seq == self.next() {
            self.0.push(turn);
        }
    }

    pub(super) fn get(&self, seq: u64) -> Option<&TurnRecord> {
        self.0.get(usize::try_from(seq).ok()?)
    }

    /// Bytes of all that was said.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|turn| turn.turn.text.len()).sum()
    }

    /// The turn that a request with this key made.
    pub(super) fn by_key(&self, key: &str) -> Option<&TurnRecord> {
        // The newest first: what is sent again was sent lately.
        self.0.iter().rev().find(|turn| turn.key.as_deref() == Some(key))
    }

    /// What was said up to this turn, oldest first.
    pub(super) fn path(&self, head: Option<u64>) -> Vec<&TurnRecord> {
        let mut path: Vec<_> = std::iter::successors(head.and_then(|seq| self.get(seq)), |turn| {
            // A parent is older than its child: the walk ends.
            turn.parent.filter(|&parent| parent < turn.seq).and_then(|parent| self.get(parent))
        })
        .collect();
        path.reverse();
        path
    }

    /// The newest turn that follows from this one, or itself: where the talk goes on when somebody looks at a version.
    pub(super) fn newest_beneath(&self, seq: u64) -> u64 {
        let mut beneath = vec![false; self.0.len()];
        let mut newest = seq;
        for turn in self.0.iter().skip(seq as usize) {
            let follows = turn.parent.is_some_and(|parent| beneath.get(parent as usize).copied().unwrap_or(false));
            if turn.seq == seq || follows {
                beneath[turn.seq as usize] = true;
                newest = turn.seq;
            }
        }
        newest
    }

    /// The message to be answered for another version of this turn: itself if it is one, else the one it answers.
    pub(super) fn message_of(&self, seq: u64) -> Option<u64> {
        let turn = self.get(seq)?;
        let message = match turn.turn.speaker {
            Speaker::Seeker => turn,
            Speaker::Supporter => self.get(turn.parent?)?,
        };
        (message.turn.speaker == Speaker::Seeker).then_some(message.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Turn;
    use crate::store::TurnEnd;

    fn versions(turns: &[(Speaker, Option<u64>)]) -> Versions {
        let record = |(seq, &(speaker, parent)): (usize, &(Speaker, Option<u64>))| TurnRecord {
            seq: seq as u64,
            parent,
            turn: Turn::new(speaker, seq.to_string()),
            end: TurnEnd::Whole,
            model: None,
            key: (seq == 2).then(|| "k".into()),
            created_ms: 0,
        };
        Versions::new(turns.iter().enumerate().map(record).collect())
    }

    #[test]
    fn a_path_holds_one_version_of_each_turn() {
        use Speaker::{Seeker, Supporter};
        // 0 asked, 1 and 2 are two answers to it, 3 goes on from 1, 4 is another beginning.
        let talk =
            versions(&[(Seeker, None), (Supporter, Some(0)), (Supporter, Some(0)), (Seeker, Some(1)), (Seeker, None)]);
        let path = |head| talk.path(head).iter().map(|turn| turn.seq).collect::<Vec<_>>();
        assert_eq!(path(Some(3)), [0, 1, 3]);
        assert_eq!(path(Some(2)), [0, 2]);
        assert_eq!(path(Some(4)), [4]);
        assert!(path(None).is_empty() && path(Some(9)).is_empty());
        assert_eq!(talk.newest_beneath(0), 3);
        assert_eq!(talk.newest_beneath(2), 2);
        assert_eq!((talk.message_of(1), talk.message_of(0), talk.message_of(7)), (Some(0), Some(0), None));
        assert_eq!(talk.by_key("k").map(|turn| turn.seq), Some(2));
        assert_eq!(talk.next(), 5);
    }
}
