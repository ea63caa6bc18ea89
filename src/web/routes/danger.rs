//! Whoever tells of danger while they look for somebody hears of help, whatever else the answer is: they must not have to
//! find a character and tell it again first, or be turned away without a word.

use actix_web::HttpResponse;

use crate::safety;
use crate::web::problem::Problem;

/// The help card, if this tells of danger. What comes after the first `most` characters is not read: it is refused anyway,
/// and reading a whole body of it for anybody would cost more than the refusal.
pub(super) fn help_for(text: &str, most: usize) -> Option<String> {
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    let assessment = safety::assess(&text[..end]);
    assessment.risk.map(|risk| safety::help_card(risk, assessment.language).to_string())
}

/// The answer with the help card beside it if it is a refusal; the other answers carry it themselves.
pub(super) fn with_help(answer: Result<HttpResponse, Problem>, help: Option<&str>) -> Result<HttpResponse, Problem> {
    match help {
        Some(card) => answer.map_err(|problem| problem.with("help", card)),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_is_read_and_no_more() {
        let text = "I want to kill myself. 我想死。";
        assert!(help_for(text, 8000).is_some() && help_for(text, 22).is_some());
        assert_eq!(
            (help_for(text, 9), help_for("我想吃饭", 2)),
            (None, None),
            "cut between characters, not within one"
        );
    }
}
