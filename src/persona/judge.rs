//! What of a row is not as the published format has it.

use serde_json::Value;

use super::{Mbti, Profile};

/// How much of a wrong value is told, in characters.
const SHOWN: usize = 40;

/// What of this is not as a character has it: field, what was expected, what came.
pub(super) fn faults(row: &Value) -> Vec<(String, &'static str, String)> {
    let Value::Object(fields) = row else {
        return vec![("row".into(), "a character as a JSON object", kind(Some(row)))];
    };
    let mut faults = Vec::new();
    let mut check = |field: &str, value: Option<&Value>, expected, fits: bool| {
        if !fits {
            faults.push((field.to_owned(), expected, kind(value)));
        }
    };
    let index = fields.get("index");
    let fits = index.and_then(Value::as_u64).is_some_and(|index| u32::try_from(index).is_ok());
    check("index", index, "a whole number from 0 to 4294967295", fits);
    let mbti = fields.get("mbti");
    let fits = mbti.and_then(Value::as_str).is_some_and(|name| name.parse::<Mbti>().is_ok());
    check("mbti", mbti, "one of the sixteen types, such as INFJ", fits);
    for name in ["seeker_statement", "supporter_statement"] {
        check(name, fields.get(name), "a text", fields.get(name).is_some_and(Value::is_string));
    }
    let memories = fields.get("profile_trans");
    check("profile_trans", memories, "an object of memories", memories.is_some_and(Value::is_object));
    let Some(Value::Object(profile)) = fields.get("profile") else {
        check("profile", fields.get("profile"), "an object", false);
        return faults;
    };
    let name = profile.get("name");
    let named = name.and_then(Value::as_str).is_some_and(|name| !name.trim().is_empty());
    check("profile.name", name, "a name", named);
    let age = profile.get("age");
    let years = |age: &Value| age.as_u64().is_some_and(|years| u32::try_from(years).is_ok());
    let fits = age.is_none_or(|age| age.is_string() || years(age));
    check("profile.age", age, "a whole number of years, or a text", fits);
    for (name, _) in Profile::default().texts().into_iter().filter(|(name, _)| *name != "name") {
        let value = profile.get(name);
        check(&format!("profile.{name}"), value, "a text", value.is_none_or(Value::is_string));
    }
    faults
}

/// A value, as it is told to whoever wrote it.
pub(super) fn kind(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::String(text)) => format!("the text {}", shown(text)),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(other) => shown(&other.to_string()).trim_matches('"').to_owned(),
    }
}

/// The beginning of a text, in quotes.
pub(super) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}
