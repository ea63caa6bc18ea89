//! Small models of random weights in Hugging Face folders, shared by the tests that load one.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its share, and cannot go on without a folder")]

use std::path::Path;

use kindred::nn::{Llama, LlamaConfig};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

/// The byte tokenizer's end of a text.
pub const EOS: u32 = 257;

pub const HIDDEN: i64 = 32;
pub const WORDS: i64 = 40;
pub const LONGEST: i64 = 64;

/// A byte-level tokenizer whose only tokens are the bytes and the two marks.
pub fn byte_tokenizer() -> Value {
    let printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut vocabulary = serde_json::Map::new();
    for byte in 0..=255u8 {
        let skipped = (0..byte).filter(|byte| !printable(byte)).count() as u32;
        let symbol = if printable(&byte) { char::from(byte) } else { char::from_u32(256 + skipped).unwrap() };
        vocabulary.insert(symbol.to_string(), json!(byte));
    }
    let mark = |id: u32, text: &str| {
        json!({"id": id, "content": text, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true})
    };
    let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [mark(256, "<s>"), mark(EOS, "</s>")],
        "normalizer": null, "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []}})
}

/// A folder with a model of random weights, changed by `change` before it is written.
pub fn llama(change: impl FnOnce(&Llama)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"model_type": "llama", "vocab_size": 258, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 1024, "tie_word_embeddings": true,
        "hidden_act": "silu", "bos_token_id": 256, "eos_token_id": EOS});
    let write = |name: &str, value: &Value| std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    write("config.json", &config);
    write("tokenizer.json", &byte_tokenizer());
    let model = Llama::init(LlamaConfig::load(folder.path()).unwrap(), 5, Device::Cpu);
    // Fresh weights hardly tell tokens apart; larger ones give logits of a trained model's spread.
    tch::no_grad(|| model.parameters().iter().for_each(|(_, tensor)| drop(tensor.shallow_clone().g_mul_scalar_(4.0))));
    change(&model);
    model.save(folder.path(), Kind::Float).unwrap();
    folder
}

/// A folder with a BERT of random weights, with a classification head of this many logits.
pub fn bert(labels: Option<i64>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"model_type": "bert", "vocab_size": WORDS, "hidden_size": HIDDEN, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": LONGEST, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0});
    let mut vocabulary = serde_json::Map::new();
    for (id, word) in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        .into_iter()
        .map(String::from)
        .chain(('a'..='z').map(String::from))
        .enumerate()
    {
        vocabulary.insert(word, json!(id));
    }
    let tokenizer = json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}});
    let write = |name: &str, value: &Value| std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    write("config.json", &config);
    write("tokenizer.json", &tokenizer);
    write_bert(folder.path(), labels);
    folder
}

fn write_bert(folder: &Path, labels: Option<i64>) {
    tch::manual_seed(3);
    let prefix = if labels.is_some() { "bert." } else { "" };
    let mut tensors: Vec<(String, Tensor)> = Vec::new();
    let random = |shape: &[i64]| Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 0.3;
    let mut linear = |name: &str, rows: i64, columns: i64| {
        tensors.push((format!("{name}.weight"), random(&[rows, columns])));
        tensors.push((format!("{name}.bias"), random(&[rows])));
    };
    for layer in 0..2 {
        let at = |name: &str| format!("{prefix}encoder.layer.{layer}.{name}");
        for part in ["query", "key", "value"] {
            linear(&at(&format!("attention.self.{part}")), HIDDEN, HIDDEN);
        }
        linear(&at("attention.output.dense"), HIDDEN, HIDDEN);
        linear(&at("intermediate.dense"), 48, HIDDEN);
        linear(&at("output.dense"), HIDDEN, 48);
    }
    linear(&format!("{prefix}pooler.dense"), HIDDEN, HIDDEN);
    if let Some(labels) = labels {
        linear("classifier", labels, HIDDEN);
    }
    for (name, rows) in [("word", WORDS), ("position", LONGEST), ("token_type", 2)] {
        tensors.push((format!("{prefix}embeddings.{name}_embeddings.weight"), random(&[rows, HIDDEN])));
    }
    let norms = (0..2)
        .flat_map(|layer| ["attention.output", "output"].map(|name| format!("encoder.layer.{layer}.{name}.LayerNorm")))
        .chain(["embeddings.LayerNorm".to_owned()]);
    for name in norms {
        tensors.push((format!("{prefix}{name}.weight"), random(&[HIDDEN]) + 1.0));
        tensors.push((format!("{prefix}{name}.bias"), random(&[HIDDEN])));
    }
    Tensor::write_safetensors(&tensors, folder.join("model.safetensors")).unwrap();
}
