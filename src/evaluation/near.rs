//! Near-duplicates: texts of different owners that say nearly the same in nearly the same words.

use super::EvaluationError;
use super::embedded::Embeddings;

/// From this cosine on (all-MiniLM-L6-v2) two texts differ by a few words only.
pub(super) const NEAR: f32 = 0.92;

/// A text to be compared.
pub(super) struct Text {
    /// Whose it is; texts of one owner are not compared.
    pub(super) owner: usize,
    /// Where it stands.
    pub(super) place: String,
    /// The text.
    pub(super) text: String,
}

/// Every pair of texts of two owners with a cosine of at least [`NEAR`], the nearest first, told with both places.
pub(super) async fn near_duplicates(
    what: &str,
    texts: &[Text],
    embeddings: &mut Embeddings,
) -> Result<Vec<String>, EvaluationError> {
    let plain: Vec<String> = texts.iter().map(|text| text.text.clone()).collect();
    let near = embeddings.of(what, &plain).await?.near(NEAR)?;
    let pairs = near.into_iter().filter(|(a, b, _)| texts[*a].owner != texts[*b].owner);
    let told = |text: &Text| format!("{} \"{}\"", text.place, text.text);
    Ok(pairs.map(|(a, b, cosine)| format!("{cosine:.2}, {} / {}", told(&texts[a]), told(&texts[b]))).collect())
}
