//! Weights in a Hugging Face folder: safetensors, single or sharded, mapped into memory and never trusted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, View, tensor::Metadata};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::config::{read_json_up_to, wrong};
use super::error::NnError;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// The length of the header stands in the first eight bytes (safetensors' format description).
const LENGTH_BYTES: u64 = 8;
/// A 70-billion model's header has some 100 kB.
const MAX_HEADER_BYTES: u64 = 16 << 20;
const MAX_INDEX_BYTES: u64 = 16 << 20;
const PICKLES: [&str; 5] = ["bin", "pt", "pth", "ckpt", "pkl"];
/// The number types that can be weights.
const NUMBERS: [(Dtype, Kind); 4] =
    [(Dtype::F32, Kind::Float), (Dtype::F16, Kind::Half), (Dtype::BF16, Kind::BFloat16), (Dtype::F64, Kind::Double)];
const NUMBERS_TEXT: &str = "F32, F16, BF16 or F64";

/// The named tensors of one model, spread over one file or several.
#[derive(Debug)]
pub struct Weights {
    /// What to name when a tensor is missing: the file, or the index.
    source: PathBuf,
    files: Vec<WeightsFile>,
    /// Tensor name to file.
    places: HashMap<String, usize>,
}

#[derive(Debug)]
struct WeightsFile {
    path: PathBuf,
    map: Mmap,
    metadata: Metadata,
    /// Where the first tensor's bytes begin.
    data: usize,
}

impl Weights {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names.
    ///
    /// # Errors
    /// [`NnError::Pickle`] or [`NnError::NoWeights`] when there is no such file, [`NnError::Damaged`] when one is cut
    /// short or inconsistent, [`NnError::Config`] for a bad index, [`NnError::Io`].
    pub fn open(folder: &Path) -> Result<Self, NnError> {
        if folder.join(INDEX).is_file() && !folder.join(SINGLE).is_file() {
            return Self::open_sharded(folder);
        }
        Self::open_file(folder, SINGLE)
    }

    /// Opens one safetensors file of a folder.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_file(folder: &Path, name: &'static str) -> Result<Self, NnError> {
        std::fs::read_dir(folder).map_err(NnError::io(folder))?;
        let path = folder.join(name);
        if !path.is_file() {
            return Err(match pickle_in(folder) {
                Some(found) => NnError::Pickle { folder: folder.to_owned(), found },
                None => NnError::NoWeights { folder: folder.to_owned(), expected: name },
            });
        }
        let file = WeightsFile::open(&path)?;
        let places = file.metadata.tensors().into_keys().map(|name| (name, 0)).collect();
        Ok(Self { source: path, files: vec![file], places })
    }

    fn open_sharded(folder: &Path) -> Result<Self, NnError> {
        let source = folder.join(INDEX);
        let index = read_json_up_to(&source, MAX_INDEX_BYTES)?;
        let Some(Value::Object(map)) = index.get("weight_map") else {
            return Err(wrong(&source, "weight_map", "an object of tensor names and file names", "none"));
        };
        let mut files: Vec<WeightsFile> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut places = HashMap::new();
        for (tensor, file) in map {
            let name = file.as_str().unwrap_or_default();
            // The index comes from strangers: it may name files of its own folder only.
            let plain = Path::new(name).file_name().is_some_and(|last| last == name);
            if !plain || !name.ends_with(".safetensors") {
                return Err(wrong(&source, tensor, "the name of a .safetensors file beside the index", file));
            }
            let number = match numbers.get(name) {
                Some(&number) => number,
                None => {
                    files.push(WeightsFile::open(&folder.join(name))?);
                    numbers.insert(name, files.len() - 1);
                    files.len() - 1
                }
            };
            places.insert(tensor.clone(), number);
        }
        Ok(Self { source, files, places })
    }

    /// Names of all tensors, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The file or index that names the tensors.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// The shape of a tensor, if there is one of this name.
    pub fn shape(&self, name: &str) -> Option<Vec<i64>> {
        let file = &self.files[*self.places.get(name)?];
        Some(file.metadata.info(name)?.shape.iter().map(|&size| size as i64).collect())
    }

    /// Reads a tensor of this shape, as `kind` on `device`.
    ///
    /// # Errors
    /// [`NnError::MissingTensor`], [`NnError::WrongShape`], [`NnError::WrongType`], [`NnError::Torch`].
    pub fn tensor(&self, name: &str, shape: &[i64], kind: Kind, device: Device) -> Result<Tensor, NnError> {
        let missing = |path: &Path| NnError::MissingTensor {
            path: path.to_owned(),
            tensor: name.to_owned(),
            expected: shape.to_owned(),
        };
        let file = self.places.get(name).map(|&place| &self.files[place]).ok_or_else(|| missing(&self.source))?;
        let info = file.metadata.info(name).ok_or_else(|| missing(&file.path))?;
        if !info.shape.iter().map(|&size| size as i64).eq(shape.iter().copied()) {
            return Err(NnError::WrongShape {
                path: file.path.clone(),
                tensor: name.to_owned(),
                expected: shape.to_owned(),
                found: info.shape.iter().map(|&size| size as i64).collect(),
            });
        }
        let Some(&(_, stored)) = NUMBERS.iter().find(|(dtype, _)| *dtype == info.dtype) else {
            return Err(NnError::WrongType {
                path: file.path.clone(),
                tensor: name.to_owned(),
                expected: NUMBERS_TEXT,
                found: format!("{:?}", info.dtype),
            });
        };
        // `Metadata` has checked that offsets lie in the file and agree with shape and type.
        let (start, end) = info.data_offsets;
        let bytes = &file.map[file.data + start..file.data + end];
        let on_cpu = Tensor::f_from_data_size(bytes, shape, stored).map_err(NnError::torch(name))?;
        on_cpu.f_to_device(device).and_then(|tensor| tensor.f_to_kind(kind)).map_err(NnError::torch(name))
    }
}

impl WeightsFile {
    fn open(path: &Path) -> Result<Self, NnError> {
        let file = File::open(path).map_err(NnError::io(path))?;
        let length = file.metadata().map_err(NnError::io(path))?.len();
        let damaged = |(expected, found)| NnError::Damaged { path: path.to_owned(), expected, found };
        // Before it is mapped: an empty file cannot be.
        check_length(length).map_err(damaged)?;
        #[expect(unsafe_code, reason = "mapping a file is unsafe in Rust")]
        // SAFETY: weights are files that nothing rewrites in place while the server reads them (Kindred's own writer
        // renames whole files); the map is read-only and every access is bounded by its length.
        let map = unsafe { Mmap::map(&file) }.map_err(NnError::io(path))?;
        let (metadata, data) = read_header(&map).map_err(damaged)?;
        Ok(Self { path: path.to_owned(), map, metadata, data })
    }
}

/// What is wrong with a file: what was expected and what was found.
type Damage = (String, String);

fn check_length(length: u64) -> Result<(), Damage> {
    if length < LENGTH_BYTES {
        return Err(("a header of at least 8 bytes".into(), format!("{length} bytes in all")));
    }
    Ok(())
}

/// Reads the header of a whole file: what it holds, and where the first tensor's bytes begin. Every tensor it names
/// lies in the file.
fn read_header(file: &[u8]) -> Result<(Metadata, usize), Damage> {
    check_length(file.len() as u64)?;
    let (first, rest) = file.split_at(LENGTH_BYTES as usize);
    let mut length = [0; LENGTH_BYTES as usize];
    length.copy_from_slice(first);
    let header = u64::from_le_bytes(length);
    if header > MAX_HEADER_BYTES {
        return Err((format!("a header of at most {MAX_HEADER_BYTES} bytes"), format!("{header}")));
    }
    if header > rest.len() as u64 {
        return Err((format!("a header of {header} bytes"), format!("{}", rest.len())));
    }
    let (header, tensors) = rest.split_at(header as usize);
    let metadata: Metadata =
        serde_json::from_slice(header).map_err(|error| ("a safetensors header".into(), error.to_string()))?;
    let end = metadata.tensors().values().map(|info| info.data_offsets.1).max().unwrap_or(0);
    if end != tensors.len() {
        return Err((format!("{end} bytes of tensors"), format!("{}", tensors.len())));
    }
    Ok((metadata, file.len() - tensors.len()))
}

/// Reads these bytes as a weights file, down to the bytes of each tensor; whether it is one. For the fuzz target: it
/// must not panic whatever the bytes.
#[doc(hidden)]
pub fn fuzz_header(file: &[u8]) -> bool {
    let Ok((metadata, data)) = read_header(file) else { return false };
    metadata.tensors().values().all(|info| {
        let (start, end) = info.data_offsets;
        file[data + start..data + end].len() == end - start
    })
}

/// Writes tensors as one safetensors file, as `kind`, replacing an old one only when the new one is whole.
///
/// # Errors
/// [`NnError::Io`], [`NnError::Torch`].
pub fn write(path: &Path, tensors: &[(String, Tensor)], kind: Kind) -> Result<(), NnError> {
    let _no_grad = tch::no_grad_guard();
    let Some(&(dtype, _)) = NUMBERS.iter().find(|(_, known)| *known == kind) else {
        return Err(NnError::WrongType {
            path: path.to_owned(),
            tensor: "all".into(),
            expected: NUMBERS_TEXT,
            found: format!("{kind:?}"),
        });
    };
    let mut blobs = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let tensor =
            tensor.f_detach().and_then(|tensor| tensor.f_to_device(Device::Cpu)).map_err(NnError::torch(name))?;
        blobs.push((name, Blob::new(&tensor, kind, dtype).map_err(NnError::torch(name))?));
    }
    // The whole file is written under a private name first; what takes its place keeps the mode that a file has here.
    let mode = File::options().create(true).append(true).open(path).and_then(|file| file.metadata());
    let mode = mode.map_err(NnError::io(path))?.permissions();
    // Readers of other projects look for this key.
    let origin = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(blobs, Some(origin), path)
        .map_err(|error| NnError::Io { path: path.to_owned(), cause: std::io::Error::other(error) })?;
    std::fs::set_permissions(path, mode).map_err(NnError::io(path))
}

/// One tensor's bytes on their way into a file.
struct Blob {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(tensor: &Tensor, kind: Kind, dtype: Dtype) -> Result<Self, tch::TchError> {
        let tensor = tensor.f_to_kind(kind)?.f_contiguous()?;
        let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        Ok(Self { dtype, shape: tensor.size().iter().map(|&size| size as usize).collect(), bytes })
    }
}

impl View for Blob {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The first pickle file of a folder, by name.
fn pickle_in(folder: &Path) -> Option<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().and_then(|e| e.to_str()).is_some_and(|e| PICKLES.contains(&e)))
        .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    names.into_iter().next()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    /// Headers of one tensor or none, true or not, and other texts.
    const HEADERS: &str = concat!(
        r#"\{("[ab]":\{"dtype":"(F32|F4|U8)","shape":\[[0-9]{1,20}\],"#,
        r#""data_offsets":\[0,[0-9]{1,20}\]\})?\}|.{0,40}"#
    );

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_are_not(
            header in HEADERS,
            length in prop::option::of(any::<u64>()), tensors in 0usize..40,
        ) {
            let length = length.unwrap_or(header.len() as u64);
            let file = [&length.to_le_bytes()[..], header.as_bytes(), &vec![0; tensors]].concat();
            if fuzz_header(&file) {
                prop_assert_eq!((header.trim().chars().next(), length), (Some('{'), header.len() as u64));
            }
        }
    }

    #[test]
    fn a_header_may_not_name_more_than_the_file_holds() {
        let file = |header: &str, tensors: usize| {
            [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; tensors]].concat()
        };
        let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        assert!(fuzz_header(&file(one, 8)) && fuzz_header(&file("{}", 0)));
        assert!(!fuzz_header(&file(one, 7)) && !fuzz_header(&file(one, 9)) && !fuzz_header(&[]));
        let found = |header: &[u8]| read_header(header).unwrap_err().1;
        assert_eq!(found(&u64::MAX.to_le_bytes()), u64::MAX.to_string());
    }

    #[test]
    fn written_weights_may_be_read_by_whoever_may_read_other_files_here() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode();
        std::fs::write(folder.path().join("other"), "x").unwrap();
        let path = folder.path().join(SINGLE);
        let tensors = [("a".to_owned(), Tensor::from_slice(&[1f32, 2.0]))];
        write(&path, &tensors, Kind::BFloat16).unwrap();
        assert_eq!(mode(SINGLE), mode("other"));
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        write(&path, &tensors, Kind::Float).unwrap();
        assert_eq!(mode(SINGLE) & 0o777, 0o640);
        assert_eq!(Weights::open(folder.path()).unwrap().shape("a"), Some(vec![2]));
    }
}
