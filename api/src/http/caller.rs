//! Who asks.
//!
//! **Invariant:** nothing behind the edge reads the header itself: when callers have to prove who they are, only
//! this file changes.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use spindle_domain::order::Party;

use crate::problem::Problem;

/// The header in which a caller says who it is.
pub(super) const ACTOR: &str = "spindle-actor";
/// Who says nothing.
const ANONYMOUS: &str = "anonymous";
/// The longest name, in bytes: names are stored with every event.
const LONGEST: usize = 128;

/// Who asks, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name: `ann`, `operator:ann`, `courier:bob`.
    pub name: String,
    /// As what it may cancel.
    pub party: Party,
}

impl Caller {
    /// Reads the caller from the headers.
    ///
    /// # Errors
    /// When the name is not a name.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(ACTOR) else {
            return Ok(Self { name: ANONYMOUS.to_owned(), party: Party::Customer });
        };
        let name = value.to_str().ok().filter(|name| is_name(name)).ok_or_else(|| {
            Problem::header(
                ACTOR,
                "must be 1 to 128 letters, digits, '-', '_' or '.', in parts separated by ':'",
            )
        })?;
        let party = match name.split(':').next() {
            Some("operator") => Party::Operator,
            _ => Party::Customer,
        };
        Ok(Self { name: name.to_owned(), party })
    }

    /// Whose idempotency keys these are. Apart from the keys that Spindle's own processes use.
    pub(super) fn scope(&self) -> String {
        format!("http:{}", self.name)
    }
}

fn is_name(name: &str) -> bool {
    let fits = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    name.len() <= LONGEST && name.split(':').all(fits)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Result<Caller, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(ACTOR, name.parse().unwrap());
        Caller::read(&headers)
    }

    #[test]
    fn who_says_nothing_is_an_anonymous_customer() {
        let caller = Caller::read(&HeaderMap::new()).unwrap();
        assert_eq!(caller, Caller { name: "anonymous".into(), party: Party::Customer });
    }

    #[test]
    fn an_operator_is_named_so() {
        assert_eq!(read("operator").unwrap().party, Party::Operator);
        assert_eq!(read("operator:ann").unwrap().party, Party::Operator);
        assert_eq!(read("operators").unwrap().party, Party::Customer);
        assert_eq!(read("courier:operator").unwrap().party, Party::Customer);
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        for wrong in ["", " ", "a b", ":", "operator:", "-a", &"a".repeat(129)] {
            assert_eq!(read(wrong).unwrap_err().code(), "invalid_header", "{wrong:?}");
        }
    }
}
