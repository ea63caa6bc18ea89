//! What an encoder tells of a bank: texts that say the same, types whose people are alike, worries where none belong.

use super::super::embedded::Embeddings;
use super::super::near::{Text, near_duplicates};
use super::super::{EvaluationError, Finding, Placed, Rows, counted};
use super::Scope;
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

pub(super) async fn check(
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
    let mut groups: Vec<(String, Vec<Text>)> = Vec::new();
    for (at, placed) in rows.rows.iter().enumerate() {
        for (name, text) in super::texts(&placed.row) {
            if name.starts_with("profile.") && text.split_whitespace().count() < WORDS_OF_A_FIELD {
                continue;
            }
            let place = format!("{}, {}", placed.place, who(&placed.row));
            let text = Text { owner: at, place, text: text.to_owned() };
            match groups.iter_mut().find(|(group, _)| *group == name) {
                Some((_, texts)) => texts.push(text),
                None => groups.push((name, vec![text])),
            }
        }
    }
    let compared: usize = groups.iter().map(|(_, texts)| texts.len()).sum();
    let mut places = Vec::new();
    for (name, texts) in groups {
        let pairs = near_duplicates(&name, &texts, embeddings).await?;
        places.extend(pairs.into_iter().map(|pair| format!("{name}: {pair}")));
    }
    Ok(Finding::nowhere("near-duplicates (cosine 0.92 and more)", compared, "texts", places))
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
    let same =
        embedded.near(PERSONALITIES)?.into_iter().filter(|(a, b, _)| rows.rows[*a].row.mbti == rows.rows[*b].row.mbti);
    let places = same
        .map(|(a, b, cosine)| {
            let (a, b) = (&rows.rows[a].row, &rows.rows[b].row);
            let told = [a, b].map(|character| format!("{}: \"{}\"", who(character), character.profile.personality));
            format!("{cosine:.2}, {}, {}", a.mbti, told.join(" / "))
        })
        .collect::<Vec<_>>();
    let found = format!("{} pairs", counted(places.len()));
    let what = "personalities of one type nearer than 0.85";
    Ok(Finding::bar(what, found, "none", places.is_empty()).at(places))
}
