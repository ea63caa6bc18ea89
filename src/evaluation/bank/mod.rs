//! The bank, checked and measured: its form, the quotas of the one that ships, what its texts mean, and its figures.

mod form;
mod meaning;
mod quotas;
pub mod stats;

pub use meaning::check as check_meaning;

use super::{Finding, Rows, Scope};
use crate::persona::{Age, Character};

/// What can be told without an encoder.
pub fn check(rows: &Rows<Character>, scope: Scope) -> Vec<Finding> {
    let mut findings = form::check(rows);
    if scope.quotas {
        findings.extend(quotas::check(rows));
    }
    findings
}

/// All texts of a character with their names: profile, memories, statements. A field that the format does not list is one
/// of the profile's: matching quotes it.
fn texts(character: &Character) -> impl Iterator<Item = (String, &str)> {
    let profile = character.profile.texts().into_iter().map(|(name, text)| (format!("profile.{name}"), text));
    let extra = character.profile.extra.iter();
    let extra = extra.filter_map(|(name, value)| Some((format!("profile.{name}"), value.as_str()?)));
    let memories = character.aspects().map(|(name, text)| (format!("profile_trans.{name}"), text));
    let statements = [
        ("seeker_statement".to_owned(), character.seeker_statement.as_str()),
        ("supporter_statement".to_owned(), character.supporter_statement.as_str()),
    ];
    profile.chain(extra).chain(memories).chain(statements)
}

/// What a character holds beside its [`texts`], as JSON: an age that is no number, and lists, numbers and objects in fields
/// that should be texts. Nothing speaks of them, but an export takes them along.
fn others(character: &Character) -> impl Iterator<Item = (String, String)> {
    let profile = character.profile.extra.iter().map(|(name, value)| (format!("profile.{name}"), value));
    let memories = character.profile_trans.iter().map(|(name, value)| (format!("profile_trans.{name}"), value));
    let age = match &character.profile.age {
        Age::Text(text) => Some(("profile.age".to_owned(), text.clone())),
        Age::Years(_) => None,
    };
    let values = profile.chain(memories).filter(|(_, value)| !value.is_string());
    values.map(|(name, value)| (name, value.to_string())).chain(age)
}
