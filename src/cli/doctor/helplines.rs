//! The help card's numbers: when they were checked.

use std::time::{SystemTime, UNIX_EPOCH};

use super::finding::Finding;
use crate::safety::helplines_checked;

/// Numbers change: a table older than this must be looked at again.
const OLDEST_DAYS: i64 = 365;
const SECONDS_A_DAY: u64 = 86_400;

/// The table's date. `others`: other people reach the server.
pub(super) fn table(others: bool) -> Finding {
    let (version, checked) = helplines_checked();
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / SECONDS_A_DAY);
    // Its first sentence says when and how; the second is advice, which stands here anyway.
    let how = checked.split(". ").next().unwrap_or(checked);
    judge((version, how), i64::try_from(today).unwrap_or(i64::MAX), others)
}

fn judge((version, how): (&str, &str), today: i64, others: bool) -> Finding {
    const CHECK: &str = "helplines";
    const ADVICE: &str = "verify the numbers of your country in src/safety/helplines.json, and build again";
    match days(version) {
        Some(day) if today - day > OLDEST_DAYS => {
            Finding::warning(CHECK, format!("checked {how}: {} days ago", today - day), ADVICE)
        }
        Some(_) if others => Finding::warning(CHECK, format!("checked {how}"), ADVICE),
        Some(_) => Finding::ok(CHECK, format!("checked {how}; verify them before others use Kindred")),
        None => Finding::warning(CHECK, format!("of {version:?}, expected a date as 2026-11-21"), ADVICE),
    }
}

/// Days since 1970 of a date as 2026-11-21 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `days_from_civil`).
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Outcome;
    use super::*;

    #[test]
    fn dates_are_counted() {
        assert_eq!(["1970-01-01", "2000-02-29", "2026-11-21"].map(days), [Some(0), Some(11_016), Some(20_778)]);
        assert_eq!(["2026-13-01", "soon", ""].map(days), [None; 3]);
    }

    #[test]
    fn a_table_grows_old() {
        let judged = |today: i64, others: bool| judge(("2026-11-21", "by a call"), today, others).outcome;
        assert_eq!(judged(20_800, false), Outcome::Ok);
        assert_eq!(judged(20_800, true), Outcome::Warning);
        assert_eq!(judged(20_778 + OLDEST_DAYS + 1, false), Outcome::Warning);
    }
}
