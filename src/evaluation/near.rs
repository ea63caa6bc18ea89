//! Near-duplicates: texts of different owners that say nearly the same in nearly the same words, in groups.

use std::collections::BTreeMap;

use super::embedded::{Embedded, Embeddings};
use super::{EvaluationError, Finding, NONE, counted};

/// From this cosine on (all-MiniLM-L6-v2) two texts differ by a few words only.
pub(super) const NEAR: f32 = 0.92;
/// So many places are named of a group: of what everybody says, more would tell no more.
const PLACES: usize = 6;

/// A text to be compared.
pub(super) struct Text {
    /// Whose it is; texts of one owner are not compared.
    pub(super) owner: usize,
    /// Where it stands.
    pub(super) place: String,
    /// The text.
    pub(super) text: String,
}

/// What lies near each other, directly or by way of others.
pub(super) struct Group {
    /// Who belongs to it, in order: two at least.
    pub(super) members: Vec<usize>,
    /// The cosine of the two that are nearest.
    pub(super) cosine: f32,
}

/// Groups as they are told.
#[derive(Debug, Default)]
pub(super) struct Near {
    /// How many texts belong to a group.
    pub(super) texts: usize,
    /// Each with its cosine, places and texts.
    pub(super) groups: Vec<String>,
}

impl Near {
    /// There should be none among `compared` things.
    pub(super) fn finding(self, what: String, compared: usize, things: &str) -> Finding {
        let groups = match self.groups.len() {
            1 => "1 group".to_owned(),
            groups => format!("{} groups", counted(groups)),
        };
        let found = format!("{} of {} {things} in {groups}", counted(self.texts), counted(compared));
        Finding::bar(what, found, NONE, self.groups.is_empty()).at(self.groups)
    }
}

/// Every group of texts of two owners and more with a cosine of at least [`NEAR`], the nearest first.
pub(super) async fn near_groups(
    what: &str,
    texts: &[Text],
    embeddings: &mut Embeddings,
) -> Result<Near, EvaluationError> {
    let plain: Vec<String> = texts.iter().map(|text| text.text.clone()).collect();
    let embedded = embeddings.of(what, &plain).await?;
    let found = groups(&embedded, NEAR, |a, b| texts[a].owner != texts[b].owner)?;
    let told = found.iter().map(|group| {
        let members = group.members.iter().map(|at| (texts[*at].place.as_str(), texts[*at].text.as_str()));
        format!("{:.2}, {}", group.cosine, places(members))
    });
    Ok(Near { texts: found.iter().map(|group| group.members.len()).sum(), groups: told.collect() })
}

/// The groups of those with a cosine of at least `least`, where `count` says that the two are to be compared. The nearest
/// come first. No pair is held: a placeholder that ten thousand share makes fifty million of them.
pub(super) fn groups(
    embedded: &Embedded,
    least: f32,
    count: impl Fn(usize, usize) -> bool,
) -> Result<Vec<Group>, EvaluationError> {
    let mut joined = Joined::new(embedded.len());
    embedded.near(least, |a, b, cosine| {
        if count(a, b) {
            joined.join(a, b, cosine);
        }
    })?;
    Ok(joined.groups())
}

/// The members' places, the first with its text, others with theirs where it differs.
pub(super) fn places<'a>(members: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> String {
    let more = members.len().saturating_sub(PLACES);
    let mut first = None;
    let told: Vec<String> = members
        .take(PLACES)
        .map(|(place, text)| {
            let known = first == Some(text);
            first.get_or_insert(text);
            if known { place.to_owned() } else { format!("{place} \"{text}\"") }
        })
        .collect();
    let more = if more == 0 { String::new() } else { format!(" and {} more", counted(more)) };
    told.join(" / ") + &more
}

/// A forest of those that belong together: each points to an earlier one of its group, the first to itself.
struct Joined {
    towards: Vec<usize>,
    /// At the first of a group, the cosine of its nearest two.
    nearest: Vec<f32>,
}

impl Joined {
    fn new(count: usize) -> Self {
        Self { towards: (0..count).collect(), nearest: vec![f32::MIN; count] }
    }

    fn first(&mut self, mut at: usize) -> usize {
        while self.towards[at] != at {
            // Whoever is passed points further from now on.
            self.towards[at] = self.towards[self.towards[at]];
            at = self.towards[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize, cosine: f32) {
        let (a, b) = (self.first(a), self.first(b));
        let (first, other) = (a.min(b), a.max(b));
        self.towards[other] = first;
        self.nearest[first] = self.nearest[first].max(self.nearest[other]).max(cosine);
    }

    fn groups(mut self) -> Vec<Group> {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..self.towards.len() {
            let first = self.first(at);
            members.entry(first).or_default().push(at);
        }
        let together = members.into_iter().filter(|(_, members)| members.len() > 1);
        let mut groups: Vec<Group> =
            together.map(|(first, members)| Group { members, cosine: self.nearest[first] }).collect();
        groups.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_joined_by_way_of_others_is_one_group() {
        let mut joined = Joined::new(8);
        for (a, b, cosine) in [(4, 6, 0.93), (1, 2, 0.95), (2, 6, 0.99), (0, 7, 1.0), (0, 7, 0.94)] {
            joined.join(a, b, cosine);
        }
        let found: Vec<_> = joined.groups().into_iter().map(|group| (group.cosine, group.members)).collect();
        assert_eq!(found, [(1.0, vec![0, 7]), (0.99, vec![1, 2, 4, 6])]);
    }

    #[test]
    fn a_group_of_many_names_some_and_no_text_twice() {
        let told = places([("a:1", "Yes."), ("a:2", "Yes."), ("a:3", "Yes!")].into_iter());
        assert_eq!(told, "a:1 \"Yes.\" / a:2 / a:3 \"Yes!\"");
        let names: Vec<String> = (0..10_000).map(|at| format!("a:{at}")).collect();
        let told = places(names.iter().map(|name| (name.as_str(), "Yes.")));
        assert!(told.ends_with("a:5 and 9,994 more") && told.len() < 80, "{told}");
        let near = Near { texts: 30, groups: vec![told] };
        assert_eq!(near.finding("near".to_owned(), 90, "texts").found, "30 of 90 texts in 1 group");
    }
}
