//! The head of `persona_score`: what turns the cosine of two statements into a rating.
//!
//! Source: CharacterChat's persona_score (arXiv 2308.10278): `score = fc2(fc1(c))` with Linear(1→1024), Linear(1024→1)
//! and no activation between them, so the two fold into one line: `score = weight · c + bias`.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// The file of a head in a folder of its own.
pub const HEAD_FILE: &str = "model.safetensors";

/// A head file is two small layers; anything larger is some other file.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Why a head could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The file could not be opened.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        reason: String,
    },
    /// The file is larger than a head can be.
    #[error("{path} has {found} bytes; a persona_score head with its encoders stripped has at most {MAX_FILE_BYTES}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
    },
    /// The file is not safetensors.
    #[error("{path} is not a safetensors file: {reason}; convert a .ckpt first")]
    Format {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A tensor is missing or has another shape or type.
    #[error("{path}: tensor {tensor}: expected {expected}, found {found}")]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: &'static str,
        /// The shape and type it should have.
        expected: String,
        /// What the file holds.
        found: String,
    },
}

/// `rating = weight · cosine + bias`: the published head, folded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PersonaScoreHead {
    /// Slope. A negative one reverses the order of the cosines; that is the checkpoint's doing, and is kept.
    pub weight: f32,
    /// Rating at a cosine of zero.
    pub bias: f32,
}

impl PersonaScoreHead {
    /// Reads `fc1.weight` `[h, 1]`, `fc1.bias` `[h]`, `fc2.weight` `[1, h]` and `fc2.bias` `[1]` (float32, float16 or
    /// bfloat16) from a safetensors file and folds them. Other tensors of the file are left alone.
    ///
    /// # Errors
    /// [`HeadError`] names file, tensor, what was expected and what was found.
    pub fn load(path: &Path) -> Result<Self, HeadError> {
        let read_error = |source| HeadError::Read { path: path.to_owned(), source };
        let size = fs::metadata(path).map_err(read_error)?.len();
        if size > MAX_FILE_BYTES {
            return Err(HeadError::TooLarge { path: path.to_owned(), found: size });
        }
        let bytes = fs::read(path).map_err(read_error)?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|error| HeadError::Format { path: path.to_owned(), reason: error.to_string() })?;
        let reader = Reader { path, file };
        let fc1_weight = reader.floats("fc1.weight", |shape| shape.len() == 2 && shape[1] == 1, "[h, 1]")?;
        let h = fc1_weight.len();
        let fc1_bias = reader.floats("fc1.bias", |shape| shape == [h], &format!("[{h}]"))?;
        let fc2_weight = reader.floats("fc2.weight", |shape| shape == [1, h], &format!("[1, {h}]"))?;
        let fc2_bias = reader.floats("fc2.bias", |shape| shape == [1], "[1]")?;
        Ok(Self::fold(&fc1_weight, &fc1_bias, &fc2_weight, fc2_bias[0]))
    }

    /// Writes the head with one hidden unit, which [`Self::load`] folds back to exactly these two numbers: `fc1` passes
    /// the cosine on, `fc2` is the line. The published head has 1,024 units and can say no more.
    ///
    /// # Errors
    /// [`HeadError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), HeadError> {
        let wrong = |reason: safetensors::SafeTensorError| HeadError::Write {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        let tensors = [
            ("fc1.weight", vec![1, 1], 1.0f32.to_le_bytes()),
            ("fc1.bias", vec![1], 0.0f32.to_le_bytes()),
            ("fc2.weight", vec![1, 1], self.weight.to_le_bytes()),
            ("fc2.bias", vec![1], self.bias.to_le_bytes()),
        ];
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrong)?;
        safetensors::serialize_to_file(views, None, path).map_err(wrong)
    }

    /// `fc2(fc1(c)) = (w₂·w₁) c + (w₂·b₁ + b₂)`, summed in double precision.
    fn fold(fc1_weight: &[f32], fc1_bias: &[f32], fc2_weight: &[f32], fc2_bias: f32) -> Self {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
        Self {
            weight: dot(fc2_weight, fc1_weight) as f32,
            bias: (dot(fc2_weight, fc1_bias) + f64::from(fc2_bias)) as f32,
        }
    }

    /// The rating for a cosine; published heads are trained towards the mean of three ratings from 1 to 5.
    pub fn rating(&self, cosine: f32) -> f32 {
        self.weight * cosine + self.bias
    }
}

struct Reader<'a> {
    path: &'a Path,
    file: SafeTensors<'a>,
}

impl Reader<'_> {
    fn floats(&self, name: &'static str, fits: impl Fn(&[usize]) -> bool, shape: &str) -> Result<Vec<f32>, HeadError> {
        let error = |found: String| HeadError::Tensor {
            path: self.path.to_owned(),
            tensor: name,
            expected: format!("{shape} of F32, F16 or BF16"),
            found,
        };
        let Ok(tensor) = self.file.tensor(name) else {
            return Err(error(format!("none; the file holds {}", self.names())));
        };
        let found = || format!("{:?} of {:?}", tensor.shape(), tensor.dtype());
        if !fits(tensor.shape()) {
            return Err(error(found()));
        }
        let values = decode(&tensor).ok_or_else(|| error(found()))?;
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(error("numbers that are not finite".to_owned()))
        }
    }

    fn names(&self) -> String {
        let mut names = self.file.names();
        names.sort_unstable();
        let shown = names.iter().take(6).copied().collect::<Vec<_>>().join(", ");
        if names.len() > 6 { format!("{shown} and {} more", names.len() - 6) } else { shown }
    }
}

fn decode(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let (wide, _) = tensor.data().as_chunks::<4>();
    let (narrow, _) = tensor.data().as_chunks::<2>();
    match tensor.dtype() {
        Dtype::F32 => Some(wide.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::F16 => Some(narrow.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect()),
        Dtype::BF16 => Some(narrow.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(tensors: &[(&str, Vec<usize>, Vec<f32>)]) -> tempfile::NamedTempFile {
        let bytes: Vec<Vec<u8>> =
            tensors.iter().map(|(.., values)| values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let views = tensors
            .iter()
            .zip(&bytes)
            .map(|((name, shape, _), data)| (*name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
        let file = tempfile::NamedTempFile::new().unwrap();
        safetensors::serialize_to_file(views, None, file.path()).unwrap();
        file
    }

    #[test]
    fn folding_equals_the_two_layers() {
        let (w1, b1) = (vec![0.5, -2.0, 1.5], vec![0.1, 0.2, -0.3]);
        let (w2, b2) = (vec![1.0, 0.25, 2.0], vec![0.75]);
        let file = write(&[
            ("fc1.weight", vec![3, 1], w1.clone()),
            ("fc1.bias", vec![3], b1.clone()),
            ("fc2.weight", vec![1, 3], w2.clone()),
            ("fc2.bias", vec![1], b2.clone()),
        ]);
        let head = PersonaScoreHead::load(file.path()).unwrap();
        for cosine in [-1.0f32, 0.0, 0.37, 1.0] {
            let layered: f32 = (0..3).map(|i| w2[i] * (w1[i] * cosine + b1[i])).sum::<f32>() + b2[0];
            assert!((head.rating(cosine) - layered).abs() < 1e-5);
        }
    }

    #[test]
    fn what_is_saved_loads_as_the_same_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for head in [PersonaScoreHead { weight: 0.628_123, bias: 3.425 }, PersonaScoreHead { weight: -1e-7, bias: 0.0 }]
        {
            head.save(file.path()).unwrap();
            assert_eq!(PersonaScoreHead::load(file.path()).unwrap(), head);
        }
        PersonaScoreHead { weight: f32::NAN, bias: 0.0 }.save(file.path()).unwrap();
        let message = PersonaScoreHead::load(file.path()).unwrap_err().to_string();
        assert!(message.contains("fc2.weight") && message.contains("not finite"), "{message}");
        let nowhere = file.path().join("below/a/file");
        assert!(matches!(PersonaScoreHead { weight: 1.0, bias: 0.0 }.save(&nowhere), Err(HeadError::Write { .. })));
    }

    #[test]
    fn says_which_tensor_is_wrong_and_what_came() {
        let file = write(&[("fc1.weight", vec![3, 1], vec![0.0; 3]), ("fc1.bias", vec![2], vec![0.0; 2])]);
        let message = PersonaScoreHead::load(file.path()).unwrap_err().to_string();
        assert!(message.contains("fc1.bias") && message.contains("[3]") && message.contains("[2]"), "{message}");
        let file = write(&[("bert1.x", vec![1], vec![0.0])]);
        let message = PersonaScoreHead::load(file.path()).unwrap_err().to_string();
        assert!(message.contains("fc1.weight") && message.contains("bert1.x"), "{message}");
        std::fs::write(file.path(), b"\x80\x02pickle").unwrap();
        assert!(matches!(PersonaScoreHead::load(file.path()), Err(HeadError::Format { .. })));
    }
}
