//! Watches a reply for its stop strings: lets text through as soon as it can no longer be part of one.

/// Holds back what may become a stop string. Text may come in pieces of any size; the result does not depend on them.
#[derive(Debug)]
pub(super) struct StopGate {
    stops: Vec<String>,
    held: String,
}

/// What the gate lets through.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// This much, and the reply goes on.
    On(String),
    /// This much, and a stop string came.
    Stopped(String),
}

impl StopGate {
    /// A gate for these stop strings; empty ones are ignored.
    pub(super) fn new(stops: &[String]) -> Self {
        Self { stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(), held: String::new() }
    }

    /// Takes the next text of the reply.
    pub(super) fn push(&mut self, text: &str) -> Passed {
        self.held.push_str(text);
        // The stop that is complete first ends the reply, wherever the pieces were cut; of several, the longest.
        let first = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()).map(|start| (start + stop.len(), start)))
            .min();
        if let Some((_, start)) = first {
            self.held.truncate(start);
            return Passed::Stopped(std::mem::take(&mut self.held));
        }
        let kept = self.stops.iter().map(|stop| longest_beginning(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - kept);
        Passed::On(std::mem::replace(&mut self.held, rest))
    }

    /// What was held back, now that nothing more comes.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Length of the longest end of `text` that is a beginning of `stop`.
fn longest_beginning(text: &str, stop: &str) -> usize {
    (1..stop.len().min(text.len() + 1))
        .rev()
        .find(|&length| stop.is_char_boundary(length) && text.as_bytes().ends_with(&stop.as_bytes()[..length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut gate = StopGate::new(&stops);
        let mut out = Vec::new();
        for piece in pieces {
            match gate.push(piece) {
                Passed::On(text) => out.push(text),
                Passed::Stopped(text) => {
                    out.push(text);
                    return (out, true);
                }
            }
        }
        out.push(gate.finish());
        (out, false)
    }

    #[test]
    fn a_stop_string_over_several_pieces_never_shows() {
        let (out, stopped) = run(&["<SEEKER>"], &["Hi", " <", "SEE", "KER", "> and"]);
        assert_eq!(out, ["Hi", " ", "", "", ""]);
        assert!(stopped);
    }

    #[test]
    fn a_false_beginning_is_let_go() {
        let (out, stopped) = run(&["<SEEKER>"], &["a <S", "> b", "<"]);
        assert_eq!(out, ["a ", "<S> b", "", "<"]);
        assert!(!stopped);
    }

    #[test]
    fn a_beginning_within_a_beginning_counts() {
        assert_eq!(run(&["aab"], &["a", "a", "a", "b"]).0.concat(), "a");
    }

    proptest! {
        #[test]
        fn the_cut_of_the_pieces_changes_nothing(
            text in "[ab<é]{0,20}", stops in prop::collection::vec("[ab<é]{1,4}", 0..3), cuts in prop::collection::vec(0usize..20, 0..6),
        ) {
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&at| at <= text.len() && text.is_char_boundary(at)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let characters: Vec<String> = text.chars().map(String::from).collect();
            let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
            let (by_piece, stopped) = run(&stops, &pieces);
            let (by_character, also_stopped) = run(&stops, &characters);
            prop_assert_eq!(by_piece.concat(), by_character.concat());
            prop_assert_eq!(stopped, also_stopped);
            prop_assert_eq!(stopped, stops.iter().any(|stop| text.contains(stop)));
            prop_assert!(!stopped || stops.iter().all(|stop| !by_piece.concat().contains(stop)));
            prop_assert!(stopped || by_piece.concat() == text);
        }
    }
}
