//! What somebody who mistyped a name most likely meant.

use super::keys::{self, SECTIONS};

/// Where all names are listed.
const LISTED: &str = "`kindred config --default` lists what there is";

/// The nearest key to one of this section and name: mistyped, or of another section.
pub(super) fn key(section: &str, name: &str) -> String {
    let near = keys::all().filter_map(|key| {
        let elsewhere = usize::from(key.section != section);
        close(name, key.name).map(|distance| (distance + elsewhere, key.path()))
    });
    advice(near, |path| path)
}

/// The nearest section.
pub(super) fn section(name: &str) -> String {
    // `port = 80` at the top of a file is a key that lacks its section.
    if let Some(key) = keys::all().find(|key| key.name == name) {
        return format!("the key {} belongs under [{}]", key.name, key.section);
    }
    let near = SECTIONS.iter().filter_map(|section| close(name, section.name).map(|distance| (distance, section.name)));
    advice(near, |name| format!("[{name}]"))
}

/// The nearest of these variables.
pub(super) fn variable(name: &str, known: impl Iterator<Item = String>) -> String {
    advice(known.filter_map(|known| close(name, &known).map(|distance| (distance, known))), |name| name)
}

fn advice<T: Ord>(near: impl Iterator<Item = (usize, T)>, told: impl Fn(T) -> String) -> String {
    near.min().map_or_else(|| LISTED.to_owned(), |(_, nearest)| format!("the nearest is {}", told(nearest)))
}

/// How many letters are between two names, if few: two, and one more for every four letters of a long name.
fn close(one: &str, other: &str) -> Option<usize> {
    let most = 2.max(other.len() / 4);
    // Two names of so different lengths are far apart; a name may be as long as a file.
    if one.len().abs_diff(other.len()) > 4 * most {
        return None;
    }
    let distance = strsim::osa_distance(one, other);
    (distance <= most).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_named_if_it_is_near() {
        assert_eq!(key("server", "prot"), "the nearest is server.port");
        assert_eq!(key("server", "data"), "the nearest is store.data");
        assert_eq!(key("visitors", "sesions"), "the nearest is visitors.sessions");
        assert_eq!(key("server", "colour_of_the_page"), LISTED);
        assert_eq!(section("sever"), "the nearest is [server]");
        assert_eq!(section("port"), "the key port belongs under [server]");
        let known = || ["KINDRED_PORT", "KINDRED_HOST"].map(str::to_owned).into_iter();
        assert_eq!(variable("KINDRED_PROT", known()), "the nearest is KINDRED_PORT");
        assert_eq!(variable(&"KINDRED_X".repeat(1000), known()), LISTED);
    }
}
