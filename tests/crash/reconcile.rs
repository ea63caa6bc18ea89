//! Compares what was promised and seen with what is kept, and names every difference.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use uuid::Uuid;

use crate::chatter::whole_reply;
use crate::record::{Known, Turn};

/// What the store holds of each session.
pub type Kept = BTreeMap<Uuid, Vec<Turn>>;

/// Of a hundred sessions, fewer than this many may end in a reply that could not be given.
const FEW: usize = 1;

/// The figures of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub sessions: usize,
    pub promised: usize,
    pub retried: usize,
    pub abandoned: usize,
    /// Of the abandoned, those that were kept after all.
    pub abandoned_kept: usize,
    pub whole: usize,
    pub cut_off: usize,
    pub help_cards: usize,
    pub failed: usize,
    pub events: usize,
    pub resumed: usize,
    pub pieced: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages acknowledged ({} after a lost answer), {} given up ({} of them kept), {} sessions; \
             replies: {} whole, {} cut off, {} help cards, {} failed; \
             readers: {} events, {} resumptions, {} replies pieced together",
            self.promised,
            self.retried,
            self.abandoned,
            self.abandoned_kept,
            self.sessions,
            self.whole,
            self.cut_off,
            self.help_cards,
            self.failed,
            self.events,
            self.resumed,
            self.pieced,
        )
    }
}

/// The figures, and every broken promise. With `faults` replies may fail in any number, as they were made to.
pub fn reconcile(known: &Known, kept: &Kept, faults: bool) -> (Figures, Vec<String>) {
    let mut problems = known.problems.clone();
    let mut figures = Figures {
        sessions: known.opened.len(),
        retried: known.retried,
        abandoned: known.abandoned,
        ..Figures::default()
    };
    messages(known, kept, &mut figures, &mut problems);
    for turns in kept.values() {
        replies(turns, &mut figures, &mut problems);
    }
    let mut ended_badly = 0;
    for opened in &known.opened {
        let Some(turns) = kept.get(&opened.session) else {
            problems.push(format!("session {} was promised and is not kept", opened.session));
            continue;
        };
        // Writers always go on from what is newest: the last turn is the one that is shown last.
        let last = turns.last();
        ended_badly += usize::from(last.is_some_and(|last| last.end == "failed"));
        if !opened.ended && last.is_some_and(Turn::is_message) {
            problems.push(format!("session {}: the last message was never answered", opened.session));
        }
    }
    if !faults && ended_badly * 100 >= FEW * known.opened.len().max(1) && ended_badly > 0 {
        problems.push(format!("{ended_badly} of {} sessions end in a failed reply", known.opened.len()));
    }
    for (session, seen) in &known.seen {
        figures.events += seen.events;
        figures.resumed += seen.resumed;
        figures.pieced += seen.pieced;
        for turn in kept.get(session).map(Vec::as_slice).unwrap_or_default() {
            let told = if turn.is_message() {
                seen.said.get(&turn.seq) == Some(&turn.text)
            } else {
                let told = seen.replies.get(&turn.seq);
                turn.end == "failed" || told.is_some_and(|(text, end)| (text, end) == (&turn.text, &turn.end))
            };
            if !told {
                problems.push(format!("session {session}: its reader was never told of turn {}", turn.seq));
            }
        }
    }
    (figures, problems)
}

/// Every promised message is kept once, in its place; every other one at most once; none was invented.
fn messages(known: &Known, kept: &Kept, figures: &mut Figures, problems: &mut Vec<String>) {
    let mut places: HashMap<&str, Vec<(Uuid, u64)>> = HashMap::new();
    for (session, turns) in kept {
        for turn in turns.iter().filter(|turn| turn.is_message()) {
            places.entry(&turn.text).or_default().push((*session, turn.seq));
        }
    }
    for sent in &known.sent {
        let found = places.remove(sent.text.as_str()).unwrap_or_default();
        if found.len() > 1 {
            problems.push(format!("a message is kept {} times: {found:?}", found.len()));
        }
        match sent.seq {
            Some(seq) => {
                figures.promised += 1;
                match found.first() {
                    None => problems.push(format!("session {}: message {seq} was promised, is lost", sent.session)),
                    Some(&at) if at != (sent.session, seq) => {
                        problems.push(format!("session {}: message {seq} is kept as {at:?}", sent.session));
                    }
                    Some(_) => {}
                }
            }
            None => figures.abandoned_kept += usize::from(!found.is_empty()),
        }
    }
    // Whoever was in the middle of a sentence when the trial ended has noted it all the same.
    problems.extend(places.into_values().map(|found| format!("a message that nobody sent is kept at {found:?}")));
}

/// Places grow; a reply that is called whole is whole, and one that is not is a beginning and is marked.
fn replies(turns: &[Turn], figures: &mut Figures, problems: &mut Vec<String>) {
    if !turns.is_sorted_by(|before, after| before.seq < after.seq) {
        problems.push("places of turns do not grow".to_owned());
    }
    for turn in turns.iter().filter(|turn| !turn.is_message()) {
        let whole = whole_reply(&turn.text);
        let begins = turn.text.is_empty() || whole.as_ref().is_some_and(|whole| whole.starts_with(&turn.text));
        let right = match turn.end.as_str() {
            "whole" => {
                figures.whole += 1;
                whole.as_ref() == Some(&turn.text)
            }
            "cutoff" => {
                figures.cut_off += 1;
                begins
            }
            "failed" => {
                figures.failed += 1;
                begins
            }
            "helpcard" => {
                figures.help_cards += 1;
                whole.is_none() && !turn.text.is_empty()
            }
            _ => false,
        };
        if !right {
            problems.push(format!("reply {} is kept as {:?} and is not: {:?}", turn.seq, turn.end, turn.text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chatter::letters;
    use crate::record::{Opened, Seen, Sent};

    fn turn(seq: u64, speaker: &str, text: &str, end: &str) -> Turn {
        Turn { seq, parent: None, speaker: speaker.into(), text: text.into(), end: end.into() }
    }

    /// A trial in which every promise was kept.
    fn kept_promises() -> (Known, Kept) {
        let session = Uuid::now_v7();
        let reply = whole_reply(&letters(7)).unwrap();
        let turns = vec![turn(0, "seeker", "a", "whole"), turn(1, "supporter", &reply, "whole")];
        let mut known = Known::default();
        known.opened.push(Opened { session, cookie: None, ended: false });
        known.sent.push(Sent { session, text: "a".into(), seq: Some(0) });
        known.sent.push(Sent { session, text: "given up".into(), seq: None });
        let mut seen = Seen::default();
        seen.said.insert(0, "a".into());
        seen.replies.insert(1, (reply, "whole".into()));
        known.seen.push((session, seen));
        (known, Kept::from([(session, turns)]))
    }

    fn problems(break_it: impl FnOnce(&mut Known, &mut Vec<Turn>)) -> String {
        let (mut known, mut kept) = kept_promises();
        break_it(&mut known, kept.values_mut().next().unwrap());
        reconcile(&known, &kept, false).1.join("\n")
    }

    #[test]
    fn kept_promises_are_no_problem() {
        assert_eq!(problems(|_, _| {}), "");
        // A message that was given up may be kept, once.
        let twice = problems(|known, turns| {
            turns.push(turn(2, "seeker", "given up", "whole"));
            turns.push(turn(3, "supporter", "", "cutoff"));
            let seen = &mut known.seen[0].1;
            seen.said.insert(2, "given up".into());
            seen.replies.insert(3, (String::new(), "cutoff".into()));
        });
        assert_eq!(twice, "");
    }

    #[test]
    fn every_broken_promise_is_named() {
        let lost = problems(|_, turns| drop(turns.remove(0)));
        assert!(lost.contains("was promised, is lost"), "{lost}");
        let moved = problems(|known, _| known.sent[0].seq = Some(4));
        assert!(moved.contains("is kept as"), "{moved}");
        let twice = problems(|_, turns| turns.insert(1, turn(0, "seeker", "a", "whole")));
        assert!(twice.contains("kept 2 times") && twice.contains("do not grow"), "{twice}");
        let invented = problems(|_, turns| turns[0].text = "c".into());
        assert!(invented.contains("nobody sent"), "{invented}");
        let unanswered = problems(|_, turns| drop(turns.pop()));
        assert!(unanswered.contains("never answered"), "{unanswered}");
        let torn = problems(|_, turns| turns[1].text.truncate(20));
        assert!(torn.contains("is kept as \"whole\" and is not"), "{torn}");
        let mixed = problems(|_, turns| (turns[1].text, turns[1].end) = ("other words".into(), "cutoff".into()));
        assert!(mixed.contains("is kept as \"cutoff\" and is not"), "{mixed}");
        let untold = problems(|known, _| known.seen[0].1.said.clear());
        assert!(untold.contains("never told of turn 0"), "{untold}");
        let failed = problems(|_, turns| (turns[1].text, turns[1].end) = (String::new(), "failed".into()));
        assert!(failed.contains("end in a failed reply"), "{failed}");
        let gone = problems(|known, _| known.opened[0].session = Uuid::now_v7());
        assert!(gone.contains("is not kept"), "{gone}");
    }
}
