//! Whoever tells of danger while they look for somebody hears of help, whatever else the answer is: they must not have to
//! find a character and tell it again first, or be turned away without a word.

use actix_web::HttpResponse;

use crate::safety;
use crate::web::problem::Problem;

/// The help card, if this tells of danger.
pub(super) fn help_for(text: &str) -> Option<String> {
    let assessment = safety::assess(text);
    assessment.risk.map(|risk| safety::help_card(risk, assessment.language).to_string())
}

/// The answer with the help card beside it if it is a refusal; the other answers carry it themselves.
pub(super) fn with_help(answer: Result<HttpResponse, Problem>, help: Option<&str>) -> Result<HttpResponse, Problem> {
    match help {
        Some(card) => answer.map_err(|problem| problem.with("help", card)),
        None => answer,
    }
}
