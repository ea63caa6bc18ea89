//! What a fitted head is told to be worth: figures for a terminal, and the card beside its file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{Agreement, Fit};
use crate::matching::HEAD_FILE;
use crate::training::TrainingError;

/// The figures as lines of text, for a terminal and for the card.
pub fn figures(fit: &Fit) -> String {
    let Fit { head, train, test, mean, slope_error, error, mean_error, statements, similarity } = fit;
    let agreement = |of: &Agreement| {
        format!(
            "{:.3} over all pairs, {:.3} (standard error {:.3}) among one seeker's supporters",
            of.overall, of.within, of.within_error
        )
    };
    let mut text = String::new();
    // Writing to a string can not fail.
    let _ = writeln!(
        text,
        "- {} rated talks of {} seekers, mean rating {mean:.2}; measured on {} talks of {} others",
        train.pairs, train.seekers, test.pairs, test.seekers
    );
    let _ = writeln!(
        text,
        "- rating = {:.3} · cosine + {:.3}; standard error of the slope {slope_error:.3}",
        head.weight, head.bias
    );
    let _ = writeln!(text, "- mean absolute error on those: {error:.3}; predicting the mean: {mean_error:.3}");
    let _ = writeln!(text, "- Spearman of the statements' cosine: {}", agreement(statements));
    let _ = writeln!(text, "- Spearman of the similarity ranked by without a head: {}", agreement(similarity));
    text
}

/// Writes the head and its card into `folder`.
///
/// # Errors
/// Files that can not be written.
pub fn save(fit: &Fit, folder: &Path) -> Result<(), TrainingError> {
    fs::create_dir_all(folder).map_err(TrainingError::io(folder))?;
    let card = folder.join("README.md");
    fs::write(&card, card_text(fit)).map_err(TrainingError::io(&card))?;
    // The head last: with it the folder is complete.
    fit.head.save(&folder.join(HEAD_FILE))?;
    Ok(())
}

fn card_text(fit: &Fit) -> String {
    let verdict = if fit.holds() {
        "The slope is positive by more than chance, and the head predicts people it has not seen better than the mean does."
    } else {
        "**The ratings do not carry this head**: its slope is not clearly positive, or it predicts people it has not seen no \
         better than the mean does. It should not be used to choose anybody."
    };
    format!(
        "# Matcher head\n\nFitted by `kindred train matcher` to rated talks, in the form of CharacterChat's `persona_score` \
         (arXiv 2308.10278): the mean of three ratings (1 to 5) as a line in the cosine of two statements, embedded with \
         all-MiniLM-L6-v2.\n\n{}\n{verdict}\n\nA line can keep the order of the cosines or reverse it, nothing else. Where \
         this head is loaded, characters are ranked by their statement alone, as in the published form. A learned projection \
         or a reranker, trained on more talks rated by more than one judge, is left to later work.\n",
        figures(fit)
    )
}

#[cfg(test)]
mod tests {
    use super::super::fit::tests::fitted;
    use super::*;
    use crate::matching::PersonaScoreHead;

    #[test]
    fn what_is_saved_is_the_fitted_line() {
        let saved = fitted(|cosine, noise| 2.0 * cosine + 1.0 + 0.1 * noise).unwrap();
        let folder = tempfile::tempdir().unwrap();
        save(&saved, &folder.path().join("matcher")).unwrap();
        let head = PersonaScoreHead::load(&folder.path().join("matcher").join(HEAD_FILE)).unwrap();
        assert_eq!(head, saved.head);
        let card = fs::read_to_string(folder.path().join("matcher/README.md")).unwrap();
        assert!(card.contains("20 rated talks of 4 seekers") && card.contains("keep the order"), "{card}");
    }

    #[test]
    fn a_card_says_when_the_ratings_do_not_carry_the_head() {
        assert!(card_text(&fitted(|_, noise| 3.0 + noise).unwrap()).contains("do not carry"));
    }
}
