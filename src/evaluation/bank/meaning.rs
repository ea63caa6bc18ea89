//! What an encoder tells of a bank: texts that say the same, types whose people are alike, worries where none belong.

use std::collections::BTreeMap;

use super::super::embedded::Embeddings;
use super::super::near::{NEAR, Near, Text, groups, near_groups, places};
use super::super::{EvaluationError, Finding, Placed, Rows, Scope};
use super::form::who;
use crate::matching::sentences;
use crate::persona::Character;

/// Fields of a profile that are shorter may well be the same ("a retired teacher").
const WORDS_OF_A_FIELD: usize = 6;
/// Two personalities of one type may not lie nearer.
const PERSONALITIES: f32 = 0.85;
/// A sentence of a supporter's statement that lies so near to a sentence of the worry tells it. Of every fifth character of
/// the bank that ships, 80 % of the seekers' statements, which do hold the worry, have such a sentence, and none of the
/// supporters'; at 0.6 it is 87 %, and one of the supporters' by a shared image.
const WORRY: f32 = 0.65;

/// What an encoder tells: near-duplicates, personalities too near within a type, and worries in a supporter's statement.
///
/// # Errors
/// The encoder's, and the tensor library's.
pub async fn check(
    rows: &Rows<Character>,
    scope: Scope,
    embeddings: &mut Embeddings,
) -> Result<Vec<Finding>, EvaluationError> {
    let mut findings = vec![duplicates(rows, embeddings).await?, worries(rows, embeddings).await?];
    if scope.quotas {
        findings.push(personalities(rows, embeddings).await?);
    }
    Ok(findings)
}

async fn duplicates(rows: &Rows<Character>, embeddings: &mut Embeddings) -> Result<Finding, EvaluationError> {
    // By name of the field, in the order of the names.
    let mut fields: BTreeMap<String, Vec<Text>> = BTreeMap::new();
    for (at, placed) in rows.rows.iter().enumerate() {
        for (name, text) in super::texts(&placed.row) {
            if name.starts_with("profile.") && text.split_whitespace().count() < WORDS_OF_A_FIELD {
                continue;
            }
            let place = format!("{}, {}", placed.place, who(&placed.row));
            let text = Text { owner: at, place, text: text.to_owned() };
            fields.entry(name).or_default().push(text);
        }
    }
    let compared: usize = fields.values().map(Vec::len).sum();
    let mut all = Near::default();
    for (name, texts) in fields {
        let near = near_groups(&name, &texts, embeddings).await?;
        all.texts += near.texts;
        all.groups.extend(near.groups.into_iter().map(|group| format!("{name}: {group}")));
    }
    Ok(all.finding(format!("near-duplicates (cosine {NEAR} and more)"), compared, "texts"))
}

/// A supporter does not speak of its own worry. What tells it is a sentence of the statement that says what a sentence of
/// the worry says; the first sentence, which names age, place and work, says it of everybody and is left out.
async fn worries(rows: &Rows<Character>, embeddings: &mut Embeddings) -> Result<Finding, EvaluationError> {
    let (mut spoken, mut weighing) = (Vec::new(), Vec::new());
    let mut spans = Vec::new();
    for placed in &rows.rows {
        let character = &placed.row;
        let (first_spoken, first_weighing) = (spoken.len(), weighing.len());
        spoken.extend(sentences(&character.supporter_statement).into_iter().skip(1).map(str::to_owned));
        let memory =
            character.aspects().find(|(name, _)| *name == "recent_worry_or_anxiety").map_or("", |(_, text)| text);
        let worry = [character.profile.recent_worry_or_anxiety.as_str(), memory];
        weighing.extend(worry.into_iter().flat_map(sentences).map(str::to_owned));
        spans.push((first_spoken..spoken.len(), first_weighing..weighing.len()));
    }
    let said = embeddings.of("supporters' statements", &spoken).await?;
    let worry = embeddings.of("worries", &weighing).await?;
    let mut found: Vec<(f32, String)> = Vec::new();
    for (Placed { place, row }, (spoken_of, weighing_of)) in rows.rows.iter().zip(spans) {
        for at in spoken_of {
            let nearest = weighing_of.clone().map(|other| (said.cosine_to(at, &worry, other), other));
            let Some((cosine, other)) = nearest.max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
            if cosine >= WORRY {
                let told = format!("{place}, {}: {cosine:.2}, \"{}\" / \"{}\"", who(row), spoken[at], weighing[other]);
                found.push((cosine, told));
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let places = found.into_iter().map(|(_, told)| told).collect();
    Ok(Finding::nowhere("no worry in a supporter's statement", spoken.len(), "sentences", places))
}

async fn personalities(rows: &Rows<Character>, embeddings: &mut Embeddings) -> Result<Finding, EvaluationError> {
    let texts: Vec<String> = rows.iter().map(|character| character.profile.personality.clone()).collect();
    let embedded = embeddings.of("personalities", &texts).await?;
    let found = groups(&embedded, PERSONALITIES, |a, b| rows.rows[a].row.mbti == rows.rows[b].row.mbti)?;
    let told = found.iter().map(|group| {
        let names: Vec<String> = group.members.iter().map(|at| who(&rows.rows[*at].row)).collect();
        let members = names.iter().map(String::as_str).zip(group.members.iter().map(|at| texts[*at].as_str()));
        format!("{:.2}, {}, {}", group.cosine, rows.rows[group.members[0]].row.mbti, places(members))
    });
    let near = Near { texts: found.iter().map(|group| group.members.len()).sum(), groups: told.collect() };
    Ok(near.finding(format!("personalities of one type nearer than {PERSONALITIES}"), texts.len(), "characters"))
}
