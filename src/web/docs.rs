//! The API's description as a page for people: no script, readable on a small screen, in light and dark.

use minijinja::{Environment, Error, Value as Variable, context};
use serde_json::Value;

const PAGE: &str = include_str!("docs.html");

/// The page's style sheet: a file of its own, as the policy allows no inline style.
pub(super) const STYLE: &str = include_str!("docs.css");

/// Renders an OpenAPI document.
pub(super) fn page(document: &Value) -> Result<String, Error> {
    let mut environment = Environment::new();
    // The name's ending makes it escape HTML.
    environment.add_template("docs.html", PAGE)?;
    environment.add_filter("kind", kind);
    environment.get_template("docs.html")?.render(context! { api => variable(document) })
}

/// JSON as templates read it.
fn variable(json: &Value) -> Variable {
    match json {
        Value::Null => Variable::from(()),
        Value::Bool(truth) => Variable::from(*truth),
        Value::Number(number) => number.as_i64().map_or_else(|| Variable::from(number.as_f64()), Variable::from),
        Value::String(text) => Variable::from(text.as_str()),
        Value::Array(list) => list.iter().map(variable).collect(),
        Value::Object(map) => Variable::from_pairs(map.iter().map(|(key, value)| (key.as_str(), variable(value)))),
    }
}

/// What a schema is, in a few words: `text`, `list of Turn`, `number or null`.
#[expect(clippy::needless_pass_by_value, reason = "filters are given their values")]
fn kind(schema: Variable) -> String {
    let part = |name: &str| schema.get_attr(name).unwrap_or_default();
    if let Some(reference) = part("$ref").as_str() {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    let any_of = |list: Variable, word: fn(Variable) -> String| {
        let words: Vec<String> = list.try_iter().ok()?.map(word).collect();
        (!words.is_empty()).then(|| words.join(" or "))
    };
    if let Some(words) = ["oneOf", "anyOf", "allOf"].iter().find_map(|name| any_of(part(name), kind)) {
        return words;
    }
    let word = |name: &str| match name {
        "array" => format!("list of {}", kind(part("items"))),
        "string" => part("format").as_str().unwrap_or("text").to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    };
    let types = part("type");
    match types.as_str() {
        Some(name) => word(name),
        None => {
            let words: Vec<String> =
                types.try_iter().into_iter().flatten().filter_map(|name| name.as_str().map(word)).collect();
            if words.is_empty() { "anything".to_owned() } else { words.join(" or ") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_told_in_words() {
        let reference = json!({"$ref": "#/components/schemas/Turn"});
        for (schema, words) in [
            (json!({"type": "string"}), "text"),
            (json!({"type": "string", "format": "uuid"}), "uuid"),
            (json!({"type": ["integer", "null"], "format": "int64"}), "whole number or null"),
            (json!({"type": "array", "items": reference}), "list of Turn"),
            (json!({"oneOf": [{"type": "null"}, reference]}), "null or Turn"),
            (json!({}), "anything"),
        ] {
            assert_eq!(kind(variable(&schema)), words);
        }
    }

    #[test]
    fn what_the_description_says_is_escaped() {
        let document = json!({"info": {"title": "<b>", "version": "1", "description": "&"}, "tags": [], "paths": {},
            "components": {"schemas": {}}});
        let page = page(&document).unwrap();
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
    }
}
