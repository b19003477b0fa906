//! Chance that can be repeated: what befalls an order is a hash of a seed and its name, so that the same seed gives
//! the same fate, in whatever order things happen.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A share in hundredths of a percent, from 0 to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(u16);

impl Percent {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Always.
    pub const ALWAYS: Self = Self(10_000);
}

impl FromStr for Percent {
    type Err = String;

    /// Reads `5`, `0.5` or `12.25`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a percentage from 0 to 100 with at most two decimals");
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(part) || part.len() > 2 {
            return Err(wrong());
        }
        let hundredths: u32 = format!("{whole}{part:0<2}").parse().map_err(|_| wrong())?;
        u16::try_from(hundredths).ok().filter(|n| *n <= 10_000).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, part) => write!(f, "{whole}.{part:02}"),
        }
    }
}

/// A number that depends on nothing but its arguments.
#[must_use]
pub fn number(seed: u64, matter: &str, name: &str) -> u64 {
    let hash = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(matter.as_bytes())
        .chain_update([0])
        .chain_update(name.as_bytes())
        .finalize();
    hash.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Which of several fates, each with its share, befalls a name; none when none does. The shares are laid side by
/// side, so together they should not exceed 100 %.
#[must_use]
pub fn draw<T: Copy>(seed: u64, matter: &str, name: &str, fates: &[(Percent, T)]) -> Option<T> {
    let mut rest = number(seed, matter, name) % 10_000;
    for (share, fate) in fates {
        match rest.checked_sub(u64::from(share.0)) {
            None => return Some(*fate),
            Some(left) => rest = left,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_exactly() {
        for (text, hundredths) in [("0", 0), ("5", 500), ("0.5", 50), ("12.25", 1225), ("100", 10_000)] {
            assert_eq!(text.parse(), Ok(Percent(hundredths)));
            assert_eq!(Percent(hundredths).to_string().parse(), Ok(Percent(hundredths)));
        }
        for wrong in ["", "-1", "100.01", "101", "1.234", "a", "1.", ".5", "99999999999"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong:?} was read");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_fate_and_shares_are_kept() {
        let fates = [("30".parse().unwrap(), 'a'), ("20".parse().unwrap(), 'b')];
        let all =
            |seed| (0..2_000).map(move |n| draw(seed, "test", &n.to_string(), &fates)).collect::<Vec<_>>();
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
        let count = |which| all(1).iter().filter(|fate| **fate == which).count();
        for (which, expected) in [(Some('a'), 600_usize), (Some('b'), 400), (None, 1_000)] {
            assert!(count(which).abs_diff(expected) < 100, "{which:?} came {} times", count(which));
        }
    }

    #[test]
    fn never_is_never_and_always_is_always() {
        for n in 0..100 {
            let name = n.to_string();
            assert_eq!(draw(1, "test", &name, &[(Percent::NEVER, ())]), None);
            assert_eq!(draw(1, "test", &name, &[(Percent::ALWAYS, ())]), Some(()));
        }
    }
}
