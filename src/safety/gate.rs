//! The gate between a model and the person: text passes a clause at a time, and what must not be said is replaced.

use super::rules::{Fault, Language, fault};

/// Why something was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// It encouraged harm. The rest of the reply is dropped too: stop generating.
    Harm,
    /// It claimed to be a human being.
    Human,
    /// It claimed a licence or a profession that treats people.
    Licensed,
    /// It talked somebody out of help from outside.
    Isolation,
}

impl From<Fault> for Blocked {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Harm => Self::Harm,
            Fault::Human => Self::Human,
            Fault::Licensed => Self::Licensed,
            Fault::Isolation => Self::Isolation,
        }
    }
}

impl Blocked {
    /// What is said instead.
    fn replacement(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Harm, Language::English) => {
                "I have to stop here: what I was about to say could hurt you. If you are thinking of harming yourself or \
                 somebody else, please call your emergency number or find a helpline at findahelpline.com."
            }
            (Self::Harm, Language::Chinese) => {
                "我得停在这里：我刚才要说的话可能会伤害你。如果你想伤害自己或别人，请拨打紧急电话，或拨打 12356 心理援助热线。"
            }
            (Self::Human, Language::English) => "I am a character in software, not a person.",
            (Self::Human, Language::Chinese) => "我是软件里的角色，不是真人。",
            (Self::Licensed, Language::English) => "I am a character in software, not a professional.",
            (Self::Licensed, Language::Chinese) => "我是软件里的角色，不是专业人士。",
            (Self::Isolation, Language::English) => "It is worth talking to people who can be there for you in person.",
            (Self::Isolation, Language::Chinese) => "也值得去和能在你身边的人谈一谈。",
        }
    }
}

/// A clause longer than this (in characters) is let through in part, so that a reply without commas still flows.
const LONGEST_CLAUSE: usize = 120;
/// How much of such a clause is held back: longer than what a rule needs to see at once.
const HELD_BACK: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The rest of this sentence is dropped.
    SkippingSentence,
    /// The rest of the reply is dropped.
    Shut,
}

/// Lets a reply through clause by clause. One gate a reply.
///
/// ```
/// use kindred::safety::ReplyGate;
/// let mut gate = ReplyGate::new();
/// let mut shown = gate.push("I hear you. You don't need a ");
/// shown += &gate.push("therapist, you have me. Tell me more.");
/// shown += &gate.finish();
/// assert_eq!(shown, "I hear you. It is worth talking to people who can be there for you in person. Tell me more.");
/// ```
#[derive(Debug)]
pub struct ReplyGate {
    /// Of the current sentence, what was shown.
    shown: String,
    /// What is held back.
    held: String,
    state: State,
    blocked: Option<Blocked>,
}

impl Default for ReplyGate {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplyGate {
    /// An open gate.
    pub fn new() -> Self {
        Self { shown: String::new(), held: String::new(), state: State::Open, blocked: None }
    }

    /// Takes the next piece of the reply and gives what may be shown now.
    pub fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            self.held.push(c);
            match c {
                '.' | '!' | '?' | '\n' | '。' | '！' | '？' | '…' => self.end_sentence(&mut out),
                ',' | ';' | ':' | '—' | '–' | '，' | '；' | '：' => self.end_clause(&mut out),
                _ if self.held.chars().count() > LONGEST_CLAUSE => self.let_begin_through(&mut out),
                _ => {}
            }
        }
        out
    }

    /// Gives the rest, after the last piece.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        self.end_sentence(&mut out);
        out
    }

    /// What was replaced first, if anything.
    pub fn blocked(&self) -> Option<Blocked> {
        self.blocked
    }

    /// Whether nothing more will be shown, so that generating can be stopped.
    pub fn is_shut(&self) -> bool {
        self.state == State::Shut
    }

    fn end_sentence(&mut self, out: &mut String) {
        self.end_clause(out);
        self.shown.clear();
        if self.state == State::SkippingSentence {
            self.state = State::Open;
        }
    }

    fn end_clause(&mut self, out: &mut String) {
        let clause = std::mem::take(&mut self.held);
        if self.state != State::Open {
            return;
        }
        let sentence = format!("{}{clause}", self.shown);
        match fault(&sentence) {
            None => {
                out.push_str(&clause);
                self.shown = sentence;
            }
            Some(fault) => self.block(fault.into(), &sentence, &clause, out),
        }
    }

    fn let_begin_through(&mut self, out: &mut String) {
        if self.state != State::Open {
            self.held.clear();
            return;
        }
        let sentence = format!("{}{}", self.shown, self.held);
        if let Some(fault) = fault(&sentence) {
            let clause = std::mem::take(&mut self.held);
            return self.block(fault.into(), &sentence, &clause, out);
        }
        let keep_from = self.held.char_indices().rev().nth(HELD_BACK).map_or(0, |(at, _)| at);
        // A word is never cut: what is let through ends in a space, if there is one.
        let cut = self.held[..keep_from].rfind(' ').map_or(keep_from, |at| at + 1);
        let kept = self.held.split_off(cut);
        let passed = std::mem::replace(&mut self.held, kept);
        out.push_str(&passed);
        self.shown.push_str(&passed);
    }

    fn block(&mut self, blocked: Blocked, sentence: &str, clause: &str, out: &mut String) {
        let lead = clause.len() - clause.trim_start().len();
        out.push_str(&clause[..lead]);
        out.push_str(blocked.replacement(Language::of(sentence)));
        self.blocked.get_or_insert(blocked);
        self.state = match blocked {
            Blocked::Harm => State::Shut,
            _ => State::SkippingSentence,
        };
    }
}
