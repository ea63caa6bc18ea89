//! Whole numbers in a query: what was expected and what came is told by name.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The number that is given for `name`; none if nothing is.
///
/// # Errors
/// Says the name, the bounds and what came.
pub(super) fn number<N>(name: &str, given: &str, bounds: RangeInclusive<N>) -> Result<Option<N>, String>
where
    N: FromStr + PartialOrd + Display,
{
    if given.is_empty() {
        return Ok(None);
    }
    let number = given.parse().ok().filter(|number| bounds.contains(number));
    let shown: String = given.chars().take(20).collect();
    let (from, to) = bounds.into_inner();
    number.map(Some).ok_or_else(|| format!("{name} is {shown:?}: expected a whole number from {from} to {to}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_or_named() {
        assert_eq!(number("limit", "", 1..=9), Ok(None));
        assert_eq!(number("limit", "9", 1..=9), Ok(Some(9)));
        for given in ["0", "10", "x", "-1", "6.0", "99999999999999999999", " 3"] {
            let told = number::<usize>("limit", given, 1..=9).unwrap_err();
            assert!(told.starts_with(&format!("limit is {:?}", given)) && told.ends_with("from 1 to 9"), "{told}");
        }
        assert!(number::<u8>("limit", &"7".repeat(500), 1..=9).unwrap_err().len() < 90);
    }
}
