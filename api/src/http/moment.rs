//! A time as clients write it: RFC 3339, with a zone.
//!
//! **Invariant:** no time outside the years 1970 to 9999 gets in, so that adding to it never overflows.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer};

/// What is asked of a time.
pub(super) const RULE: &str =
    "must be an RFC 3339 time with a zone, such as 2026-05-01T12:00:00Z, from 1970 to 9999";

/// Reads a time.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    (1970..=9999).contains(&time.year()).then_some(time)
}

/// A time in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) DateTime<Utc>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).map(Self).ok_or_else(|| serde::de::Error::custom(RULE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_zone_and_a_plausible_year() {
        assert!(parse("2026-05-01T12:00:00Z").is_some());
        assert_eq!(parse("2026-05-01T14:00:00+02:00"), parse("2026-05-01T12:00:00Z"));
        for wrong in
            ["", "2026-05-01", "2026-05-01T12:00:00", "1969-12-31T23:59:59Z", "+10000-01-01T00:00:00Z"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
