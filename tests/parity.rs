//! Parity with `transformers` on the tiny checkpoints of `tests/fixtures/nn` (made by `make.py` there), and the error
//! of every way in which a folder can be broken.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop where it fails")]

use std::fs;
use std::path::{Path, PathBuf};

use kindred::nn::bert::mean_pool;
use kindred::nn::inspect::greedy;
use kindred::nn::{
    Bert, BertInput, DeviceChoice, InspectRequest, Llama, LlamaConfig, LoadOptions, NnError, Number, inspect,
};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

/// Of the issue: float32 logits agree to this.
const TOLERANCE: f64 = 1e-4;
const GREEDY: usize = 32;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name)
}

fn float32(adapter: Option<PathBuf>) -> LoadOptions {
    LoadOptions { device: Device::Cpu, dtype: Some(Kind::Float), adapter }
}

fn expected(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture(name).join("expected.json")).unwrap()).unwrap()
}

fn integers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

/// Two levels of lists.
fn matrix(value: &Value) -> Tensor {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let rows: Vec<Tensor> = value.as_array().unwrap().iter().map(|r| Tensor::from_slice(&row(r))).collect();
    Tensor::stack(&rows, 0)
}

fn furthest(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b).abs().max().double_value(&[])
}

/// Logits of a whole text, the greedy continuation with cache, and the same without.
fn check_language(base: &str, adapter: Option<&str>) {
    let name = adapter.unwrap_or(base);
    let expected = expected(name);
    let model = Llama::load(&fixture(base), float32(adapter.map(fixture))).unwrap();
    let ids = integers(&expected["ids"]);
    let logits =
        |ids: &[i64]| tch::no_grad(|| model.forward(&Tensor::from_slice(ids).unsqueeze(0), None).squeeze_dim(0));
    let distance = furthest(&logits(&ids), &matrix(&expected["logits"]));
    assert!(distance < TOLERANCE, "{name}: logits differ by {distance}");

    let continuation = integers(&expected["greedy"]);
    assert_eq!(continuation.len(), GREEDY);
    assert_eq!(greedy(&model, &ids, GREEDY), continuation, "{name}: with cache");
    let mut text = ids;
    for &next in &continuation {
        assert_eq!(logits(&text).select(0, -1).argmax(-1, false).int64_value(&[]), next, "{name}: without cache");
        text.push(next);
    }
}

#[test]
fn llama_2_in_the_old_layout() {
    check_language("llama2", None);
}

#[test]
fn llama_3_with_its_rope_grouped_heads_and_a_tied_head() {
    check_language("llama3", None);
}

#[test]
fn qwen_2_with_biases() {
    check_language("qwen2", None);
}

#[test]
fn linear_rope_with_an_explicit_head_dim_and_biases_everywhere() {
    check_language("linear", None);
}

#[test]
fn mistral_in_shards() {
    check_language("sharded", None);
}

#[test]
fn a_lora_adapter_over_its_base() {
    check_language("llama2", Some("lora"));
    let (plain, tuned) = (expected("llama2"), expected("lora"));
    assert!(furthest(&matrix(&plain["logits"]), &matrix(&tuned["logits"])) > 0.1, "the adapter must show");
}

#[test]
fn bert_with_padding_and_segments() {
    for name in ["bert", "bert_classifier"] {
        let expected = expected(name);
        let model = Bert::load(&fixture(name), float32(None)).unwrap();
        let integers = |key: &str| matrix(&expected[key]).to_kind(Kind::Int64);
        let input = BertInput { ids: integers("ids"), types: Some(integers("types")), mask: Some(integers("mask")) };
        let states = tch::no_grad(|| model.states(&input));
        let close = |what: &str, found: &Tensor| {
            let distance = furthest(found, &matrix(&expected[what]));
            assert!(distance < TOLERANCE, "{name}: {what} differs by {distance}");
        };
        close("pooled", &model.pool(&states).unwrap());
        close("mean", &mean_pool(&states, input.mask.as_ref()));
        match model.classify(&states) {
            Some(logits) => close("logits", &logits),
            None => assert_eq!(name, "bert"),
        }
    }
}

#[test]
fn bfloat16_stays_near_float32() {
    let expected = expected("llama3");
    let options = LoadOptions { dtype: Some(Kind::BFloat16), ..float32(None) };
    let model = Llama::load(&fixture("llama3"), options).unwrap();
    let logits = tch::no_grad(|| model.forward(&Tensor::from_slice(&integers(&expected["ids"])).unsqueeze(0), None));
    let reference = matrix(&expected["logits"]);
    let distance = furthest(&logits.squeeze_dim(0), &reference);
    // Eight bits of mantissa through two layers.
    assert!(distance < 0.05 * reference.abs().max().double_value(&[]), "logits differ by {distance}");
}

#[test]
fn inspection_reports_what_ran() {
    let expected = expected("qwen2");
    let ids = integers(&expected["ids"]);
    let request = InspectRequest {
        device: DeviceChoice::Cpu,
        dtype: Some(Number::Float32),
        ids: ids.clone(),
        greedy: GREEDY,
        ..InspectRequest::default()
    };
    let found = inspect(&fixture("qwen2"), &request).unwrap();
    assert_eq!((found.family.as_str(), found.dtype, found.device.as_str()), ("qwen2", "float32", "cpu"));
    assert_eq!(found.placement, "cpu (asked for), float32 (asked for)");
    assert_eq!(found.continuation, integers(&expected["greedy"]));
    assert_eq!((found.best.len(), found.best[0].id), (5, found.continuation[0]));
    assert!(found.best.is_sorted_by(|a, b| a.logit >= b.logit));
    // embedding and head, norms, q with bias, k and v with biases, o, feed-forward
    let layer = 2 * 32 + (32 * 32 + 32) + 2 * (8 * 32 + 8) + 32 * 32 + 3 * 32 * 40;
    assert_eq!(found.parameters, 2 * 48 * 32 + 32 + 2 * layer);

    for (ids, greedy, what) in [(vec![48], 0, "token id"), (vec![-1], 0, "token id"), (vec![1; 100], 29, "tokens")] {
        let request = InspectRequest { ids, greedy, ..request.clone() };
        let Err(NnError::Input { what: found, .. }) = inspect(&fixture("qwen2"), &request) else { panic!("{what}") };
        assert_eq!(found, what);
    }
}

#[test]
fn an_inspected_classifier_names_its_labels() {
    let request = InspectRequest { device: DeviceChoice::Cpu, ids: vec![2, 7, 3], ..InspectRequest::default() };
    let found = inspect(&fixture("bert_classifier"), &request).unwrap();
    assert_eq!(found.labels, ["no", "maybe", "yes"]);
    assert_eq!((found.best.len(), found.embedding.len()), (3, 32));
    let length: f32 = found.embedding.iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-3, "{length}");
}

/// A copy of a fixture that may be broken.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap().flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn edit_config(folder: &Path, change: impl FnOnce(&mut Value)) {
    edit(&folder.join("config.json"), change);
}

/// The message of the error that loading gives, without the folder's random name.
fn refusal(folder: &Path) -> String {
    let error = Llama::load(folder, float32(None)).expect_err("a broken folder must not load");
    error.to_string().replace(&format!("{}/", folder.display()), "")
}

/// Rewrites the header of a safetensors file.
fn edit_header(path: &Path, change: impl FnOnce(&mut Value)) {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut header);
    let header = header.to_string().into_bytes();
    let whole = [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + length..]].concat();
    fs::write(path, whole).unwrap();
}

#[test]
fn a_configuration_that_cannot_be_is_refused_by_field() {
    let cases: [(&str, Value, &str); 16] = [
        ("model_type", json!("mamba"), "config.json: model_type: expected one of llama, mistral, qwen2, found mamba"),
        ("model_type", json!(7), "config.json: model_type: expected one of llama, mistral, qwen2, found none"),
        ("hidden_size", json!(0), "config.json: hidden_size: expected 1 to 16777216, found 0"),
        ("vocab_size", json!(-5), "config.json: vocab_size: expected 1 to 16777216, found -5"),
        ("num_hidden_layers", json!(1u64 << 40), "config.json: num_hidden_layers: expected 1 to 1024, found 1025"),
        ("num_key_value_heads", json!(3), "num_key_value_heads: expected a divisor of num_attention_heads 4, found 3"),
        ("head_dim", json!(7), "config.json: head_dim: expected an even number, found 7"),
        ("head_dim", json!(4096), "config.json: head_dim: expected 1 to 1024, found 4096"),
        ("rope_theta", json!(-1.0), "config.json: rope_theta: expected a positive number, found -1"),
        ("hidden_act", json!("relu"), "config.json: hidden_act: expected silu, found relu"),
        ("mlp_bias", json!(true), "config.json: mlp_bias: expected false, found true"),
        ("partial_rotary_factor", json!(0.5), "config.json: partial_rotary_factor: expected 1, found 0.5"),
        ("eos_token_id", json!([2, 48]), "config.json: eos_token_id: expected 0 to vocab_size - 1 = 47, found 48"),
        ("eos_token_id", json!("</s>"), "eos_token_id: expected an integer or a list of integers, found a string"),
        ("rope_scaling", json!({"type": "yarn"}), "rope_type: expected default, linear or llama3, found yarn"),
        ("rope_scaling", json!({"type": "linear"}), "rope_scaling.factor: expected a positive number, found nothing"),
    ];
    for (field, value, message) in cases {
        let folder = copy("llama2");
        edit_config(folder.path(), |config| config[field] = value);
        let found = refusal(folder.path());
        assert!(found.contains(message), "{found}\nnot\n{message}");
    }
}

#[test]
fn a_configuration_that_is_none_is_refused() {
    let folder = copy("llama2");
    let config = folder.path().join("config.json");
    for (text, message) in [
        ("", "config.json: file: expected a JSON object with the keys of this model, found EOF"),
        ("{\"model_type\": \"llama\"", "EOF while parsing"),
        ("[1]", "config.json: file: expected a JSON object, found a list"),
        ("{\"model_type\": \"llama\"}", "found missing field `vocab_size`"),
        ("{\"model_type\": \"llama\", \"vocab_size\": \"many\"}", "invalid type: string \"many\", expected i64"),
    ] {
        fs::write(&config, text).unwrap();
        let found = refusal(folder.path());
        assert!(found.contains(message), "{found}\nnot\n{message}");
    }
    fs::write(&config, vec![b' '; (1 << 20) + 1]).unwrap();
    assert!(refusal(folder.path()).contains("config.json: file: expected at most 1048576 bytes, found 1048577 bytes"));
    fs::remove_file(&config).unwrap();
    assert!(matches!(Llama::load(folder.path(), float32(None)), Err(NnError::Io { path, .. }) if path == config));
}

#[test]
fn a_missing_or_wrong_tensor_is_named_with_its_shape() {
    let folder = copy("llama2");
    edit_config(folder.path(), |config| config["num_hidden_layers"] = json!(3));
    let message =
        "model.safetensors: tensor model.layers.2.input_layernorm.weight: expected shape [32], found no such tensor";
    assert_eq!(refusal(folder.path()), message);

    let folder = copy("llama2");
    edit_config(folder.path(), |config| config["intermediate_size"] = json!(44));
    let message =
        "model.safetensors: tensor model.layers.0.mlp.gate_proj.weight: expected shape [44, 32], found [40, 32]";
    assert_eq!(refusal(folder.path()), message);

    let folder = copy("llama2");
    edit_header(&folder.path().join("model.safetensors"), |header| {
        header["model.norm.weight"]["dtype"] = json!("I16");
    });
    let message =
        "model.safetensors: tensor model.norm.weight: expected numbers of type F32, F16, BF16 or F64, found I16";
    assert_eq!(refusal(folder.path()), message);
}

#[test]
fn a_damaged_file_is_told_from_a_whole_one() {
    let folder = copy("llama2");
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let tensors = whole.len() - header;
    let longer = [&whole[..], b"more"].concat();
    let huge = [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat();
    let cases: [(&[u8], String); 7] = [
        (&[], "expected a header of at least 8 bytes, found 0 bytes in all".into()),
        (&whole[..5], "expected a header of at least 8 bytes, found 5 bytes in all".into()),
        (&whole[..100], format!("expected a header of {} bytes, found 92", header - 8)),
        (&whole[..whole.len() - 1], format!("expected {tensors} bytes of tensors, found {}", tensors - 1)),
        (&longer, format!("expected {tensors} bytes of tensors, found {}", tensors + 4)),
        (&huge, format!("expected a header of at most 16777216 bytes, found {}", u64::MAX)),
        (&[8, 0, 0, 0, 0, 0, 0, 0, b'n', b'o', b't', b' ', b'j', b's', b'o', b'n'], "safetensors header".into()),
    ];
    for (bytes, message) in cases {
        fs::write(&path, bytes).unwrap();
        let found = refusal(folder.path());
        assert!(found.starts_with("model.safetensors: damaged weights file: "), "{found}");
        assert!(found.contains(&message), "{found}\nnot\n{message}");
    }
    // Offsets that overlap, run backwards, leave the file or disagree with the shape.
    for offsets in [json!([0, 8]), json!([64, 0]), json!([u64::MAX - 3, u64::MAX]), json!([0, u64::MAX])] {
        fs::write(&path, &whole).unwrap();
        edit_header(&path, |header| header["model.norm.weight"]["data_offsets"] = offsets.clone());
        assert!(refusal(folder.path()).contains("damaged weights file"), "{offsets}");
    }
    fs::write(&path, &whole).unwrap();
    edit_header(&path, |header| header["model.norm.weight"]["shape"] = json!([u64::MAX, u64::MAX]));
    assert!(refusal(folder.path()).contains("damaged weights file"));
}

#[test]
fn pickle_files_are_never_read() {
    for name in ["pytorch_model.bin", "model.pt", "last.ckpt"] {
        let folder = copy("llama2");
        fs::rename(folder.path().join("model.safetensors"), folder.path().join(name)).unwrap();
        let Err(NnError::Pickle { found, .. }) = Llama::load(folder.path(), float32(None)) else { panic!("{name}") };
        assert_eq!(found, name);
    }
    let folder = copy("llama2");
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    assert!(matches!(Llama::load(folder.path(), float32(None)), Err(NnError::NoWeights { .. })));
}

#[test]
fn an_index_may_name_files_of_its_own_folder_only() {
    let index = "model.safetensors.index.json";
    for name in ["../model.safetensors", "/etc/passwd", "..", "", "model.bin"] {
        let folder = copy("sharded");
        edit(&folder.path().join(index), |value| value["weight_map"]["model.norm.weight"] = json!(name));
        let found = refusal(folder.path());
        assert!(found.contains("expected the name of a .safetensors file beside the index"), "{found}");
    }
    let folder = copy("sharded");
    fs::remove_file(folder.path().join("model-00002-of-00002.safetensors")).unwrap();
    assert!(refusal(folder.path()).starts_with("model-00002-of-00002.safetensors: "));

    let folder = copy("sharded");
    edit(&folder.path().join(index), |value| {
        value["weight_map"]["model.norm.weight"] = json!("model-00001-of-00002.safetensors");
        value["weight_map"]["model.embed_tokens.weight"] = json!("model-00002-of-00002.safetensors");
    });
    assert!(refusal(folder.path()).ends_with("found no such tensor"));
}

#[test]
fn an_adapter_of_another_kind_or_model_is_refused() {
    let refusal = |base: &str, folder: &Path| {
        Llama::load(&fixture(base), float32(Some(folder.to_owned()))).expect_err("must not load").to_string()
    };
    assert!(refusal("qwen2", &fixture("lora")).contains("v_proj.lora_B.weight: expected shape [8, 4], found [32, 4]"));
    let folder = copy("lora");
    let config = folder.path().join("adapter_config.json");
    edit(&config, |value| value["peft_type"] = json!("IA3"));
    assert!(refusal("llama2", folder.path()).contains("adapter_config.json: peft_type: expected LORA, found IA3"));
    let folder = copy("lora");
    edit(&folder.path().join("adapter_config.json"), |value| value["use_dora"] = json!(true));
    assert!(refusal("llama2", folder.path()).contains("use_dora: expected false, found true"));
    let folder = copy("lora");
    edit_header(&folder.path().join("adapter_model.safetensors"), |header| {
        let header = header.as_object_mut().unwrap();
        let old = "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight";
        let tensor = header.remove(old).unwrap();
        header.insert(old.replace("layers.1", "layers.9"), tensor);
    });
    let found = refusal("llama2", folder.path());
    assert!(found.contains("layers.1.mlp.down_proj.lora_A.weight: expected shape"), "{found}");
    let folder = copy("lora");
    edit_header(&folder.path().join("adapter_model.safetensors"), |header| {
        let header = header.as_object_mut().unwrap();
        for part in ["A", "B"] {
            let old = format!("base_model.model.model.layers.1.mlp.down_proj.lora_{part}.weight");
            let tensor = header.remove(&old).unwrap();
            header.insert(old.replace("layers.1", "layers.9"), tensor);
        }
    });
    let found = refusal("llama2", folder.path());
    assert!(
        found.contains("layers.9.mlp.down_proj.lora_A.weight: expected") && found.contains("another model"),
        "{found}"
    );
}

#[test]
fn configurations_survive_saving_and_generation_config_adds_its_ends() {
    for name in ["llama2", "llama3", "qwen2", "linear", "sharded"] {
        let config = LlamaConfig::load(&fixture(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        config.save(folder.path()).unwrap();
        assert_eq!(LlamaConfig::load(folder.path()).unwrap(), config, "{name}");
        fs::write(folder.path().join("generation_config.json"), r#"{"eos_token_id": [5, 6]}"#).unwrap();
        assert_eq!(LlamaConfig::load(folder.path()).unwrap().eos_token_ids, [5, 6], "{name}");
    }
}

#[test]
fn a_sliding_window_caps_the_context() {
    let folder = copy("sharded");
    edit_config(folder.path(), |config| config["sliding_window"] = json!(40));
    assert_eq!(LlamaConfig::load(folder.path()).unwrap().max_position_embeddings, 40);
}

#[test]
fn a_padding_token_outside_the_vocabulary_is_refused_before_a_batch_needs_it() {
    let folder = copy("bert");
    edit_config(folder.path(), |config| config["pad_token_id"] = json!(48));
    let message = Bert::load(folder.path(), float32(None)).unwrap_err().to_string();
    assert!(message.contains("config.json: pad_token_id: expected 0 to vocab_size - 1 = 47, found 48"), "{message}");
}

#[test]
fn a_bert_folder_is_no_language_model_and_the_other_way_round() {
    assert!(matches!(Llama::load(&fixture("bert"), float32(None)), Err(NnError::UnknownFamily { .. })));
    assert!(matches!(Bert::load(&fixture("llama2"), float32(None)), Err(NnError::UnknownFamily { .. })));
}
