//! Blind sorting: whether a reader who is told how somebody speaks and is, but not their type, finds the type.
//!
//! The reader is the sentence encoder. A character is the sum of the embeddings of its tone and its personality, of unit
//! length each, so that the longer text does not drown the other; it goes to the type whose description lies nearest.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::embedded::Embeddings;
use super::{EvaluationError, Rows};
use crate::encoder::cosine;
use crate::persona::{Character, Mbti};
use crate::statistics::{Interval, of_share};

/// What a type is like, in words (CharacterChat, `mbti_list.json`).
#[derive(Clone, Debug, Deserialize)]
pub struct TypeDescription {
    /// The type.
    #[serde(rename = "type")]
    pub mbti: Mbti,
    /// In words.
    pub description: String,
}

/// How many characters were sorted right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sorted {
    /// Sorted right.
    pub right: usize,
    /// Their share.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// The outcome of a blind sorting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SortingFigures {
    /// How many were sorted.
    pub characters: usize,
    /// What chance gives.
    pub chance: f64,
    /// To the nearest description.
    pub plain: Sorted,
    /// To the nearest with each description's mean similarity to all taken off: some descriptions are near to everybody.
    pub centred: Sorted,
    /// The share found of each type that somebody has, by the centred sorting.
    pub recall: Vec<(Mbti, f64)>,
}

/// Reads descriptions of types: a JSON list of `{"type", "description"}`, each type once.
///
/// # Errors
/// A file that cannot be read, another shape, a type that is missing or comes twice.
pub fn read_types(path: &Path) -> Result<Vec<TypeDescription>, EvaluationError> {
    let text = fs::read_to_string(path).map_err(EvaluationError::read(path))?;
    let expected = "a JSON list of {\"type\", \"description\"}, each of the sixteen types once";
    let wrong = |found: String| EvaluationError::Shape { place: path.display().to_string(), expected, found };
    let types: Vec<TypeDescription> = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    for mbti in Mbti::all() {
        let count = types.iter().filter(|described| described.mbti == mbti).count();
        if count != 1 {
            return Err(wrong(format!("{mbti} {count} times")));
        }
    }
    Ok(types)
}

/// Sorts every character that has a tone and a personality.
///
/// # Errors
/// The encoder's.
pub async fn sort(
    rows: &Rows<Character>,
    types: &[TypeDescription],
    embeddings: &mut Embeddings,
) -> Result<SortingFigures, EvaluationError> {
    let people: Vec<&Character> =
        rows.iter().filter(|row| !row.profile.tone.is_empty() && !row.profile.personality.is_empty()).collect();
    let texts = |of: fn(&Character) -> &String| people.iter().map(|row| of(row).clone()).collect::<Vec<_>>();
    let tones = embeddings.of("tones", &texts(|row| &row.profile.tone)).await?;
    let personalities = embeddings.of("personalities", &texts(|row| &row.profile.personality)).await?;
    let described: Vec<String> = types.iter().map(|described| described.description.clone()).collect();
    let described = embeddings.of("descriptions of types", &described).await?;
    let similarities: Vec<Vec<f32>> = (0..people.len())
        .map(|at| {
            let sum: Vec<f32> = tones.row(at).iter().zip(personalities.row(at)).map(|(a, b)| a + b).collect();
            let length = cosine(&sum, &sum).sqrt();
            (0..types.len()).map(|of| cosine(&sum, described.row(of)) / length).collect()
        })
        .collect();
    let truth: Vec<Mbti> = people.iter().map(|row| row.mbti).collect();
    let names: Vec<Mbti> = types.iter().map(|described| described.mbti).collect();
    Ok(told_right(&similarities, &truth, &names))
}

/// What comes of the similarities `[characters][types]`.
fn told_right(similarities: &[Vec<f32>], truth: &[Mbti], names: &[Mbti]) -> SortingFigures {
    let count = truth.len();
    let means: Vec<f32> =
        (0..names.len()).map(|of| similarities.iter().map(|row| row[of]).sum::<f32>() / count.max(1) as f32).collect();
    let nearest = |row: &[f32], off: &[f32]| {
        let places = (0..row.len()).max_by(|a, b| (row[*a] - off[*a]).total_cmp(&(row[*b] - off[*b])));
        places.map(|at| names[at])
    };
    let none = vec![0.0; names.len()];
    let sorted = |off: &[f32]| -> Vec<bool> {
        similarities.iter().zip(truth).map(|(row, mbti)| nearest(row, off) == Some(*mbti)).collect()
    };
    let figure = |hits: &[bool]| {
        let right = hits.iter().filter(|hit| **hit).count();
        Sorted { right, accuracy: right as f64 / count.max(1) as f64, interval: of_share(right, count) }
    };
    let (plain, centred) = (sorted(&none), sorted(&means));
    let recall = names.iter().filter_map(|mbti| {
        let own = truth.iter().zip(&centred).filter(|(of, _)| *of == mbti);
        let (right, all) = own.fold((0, 0), |(right, all), (_, hit)| (right + usize::from(*hit), all + 1));
        (all > 0).then(|| (*mbti, right as f64 / f64::from(all)))
    });
    SortingFigures {
        characters: count,
        chance: 1.0 / names.len().max(1) as f64,
        plain: figure(&plain),
        centred: figure(&centred),
        recall: recall.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_near_to_everybody_does_not_take_all_once_centred() {
        // Of the third type there is nobody to be found.
        let names: Vec<Mbti> = Mbti::all().take(3).collect();
        // The first description is near to everybody; of both, the own one is a little nearer than usual.
        let similarities = vec![vec![0.9, 0.2, 0.0], vec![0.9, 0.2, 0.0], vec![0.8, 0.4, 0.0], vec![0.8, 0.4, 0.0]];
        let figures = told_right(&similarities, &[names[0], names[0], names[1], names[1]], &names);
        assert_eq!((figures.plain.right, figures.centred.right), (2, 4));
        assert_eq!(figures.recall, [(names[0], 1.0), (names[1], 1.0)]);
        assert!(figures.plain.interval.low < 0.5 && figures.plain.interval.high > 0.5 && figures.chance == 1.0 / 3.0);
    }

    #[test]
    fn descriptions_are_of_each_type_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("types.json");
        let list: Vec<_> =
            Mbti::all().map(|mbti| serde_json::json!({"type": mbti.as_str(), "description": "Kind."})).collect();
        fs::write(&path, serde_json::to_string(&list).unwrap()).unwrap();
        assert_eq!(read_types(&path).unwrap().len(), 16);
        fs::write(&path, serde_json::to_string(&list[1..]).unwrap()).unwrap();
        let error = read_types(&path).unwrap_err().to_string();
        assert!(error.contains("types.json") && error.contains("INTJ 0 times"), "{error}");
    }
}
