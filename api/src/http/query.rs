//! Query parameters: each taken by its name, with its rule. What nobody takes is refused.
//!
//! **Invariant:** no integer is too large for `limit`: it is clamped, never refused.

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use serde::de::{DeserializeOwned, IntoDeserializer, value};
use spindle_projections::queries::{Cursor, MAX_LIMIT, Page};
use uuid::Uuid;

use super::etag::Known;
use super::moment;
use crate::problem::{Place, Problem};

/// How many rows a page has when nobody says.
const USUAL_LIMIT: u32 = 50;

/// The parameters of a request that were not taken yet.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

/// Something that is read from parameters.
pub(super) trait FromParams: Sized {
    /// Takes what it knows.
    ///
    /// # Errors
    /// Naming the first parameter that breaks a rule.
    fn take(params: &mut Params) -> Result<Self, Problem>;
}

/// Nothing: every parameter is unknown.
impl FromParams for () {
    fn take(_: &mut Params) -> Result<Self, Problem> {
        Ok(())
    }
}

impl FromParams for Page {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        let limit = params.limit()?;
        let cursor = params
            .parsed("cursor", "must be one that a list has given out", |text| Cursor::decode(text).ok())?;
        Ok(Self::new(Some(limit), cursor))
    }
}

/// A filter and a page of what passes it.
impl<F: FromParams, G: FromParams> FromParams for (F, G) {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        Ok((F::take(params)?, G::take(params)?))
    }
}

impl Params {
    /// # Errors
    /// When the query is none.
    pub(super) fn read(uri: &Uri) -> Result<Self, Problem> {
        match Query::try_from_uri(uri) {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(error) => Err(Problem::parameter("?", error.body_text())),
        }
    }

    /// # Errors
    /// When something is left, naming all of it.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let mut rest = self.0.into_iter().map(|(name, _)| name);
        let Some(first) = rest.next() else { return Ok(()) };
        let rule = "is not known here";
        Err(rest
            .fold(Problem::parameter(first, rule), |problem, name| problem.and(Place::Parameter(name), rule)))
    }

    /// Takes a text; empty is the same as absent.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let mut found = None;
        for (_, value) in self.0.extract_if(.., |(key, _)| key == name) {
            if found.replace(value).is_some() {
                return Err(Problem::parameter(name, "must not be given more than once"));
            }
        }
        let found = found.filter(|text| !text.is_empty());
        match &found {
            Some(text) if text.contains('\0') => {
                Err(Problem::parameter(name, "must not contain the character NUL"))
            }
            _ => Ok(found),
        }
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|text| parse(&text).ok_or_else(|| Problem::parameter(name, rule))).transpose()
    }

    /// Takes true or false.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
        self.parsed(name, "must be true or false", |text| text.parse().ok())
    }

    /// Takes a UUID.
    pub(super) fn uuid(&mut self, name: &'static str) -> Result<Option<Uuid>, Problem> {
        self.parsed(name, "must be a UUID", |text| Uuid::parse_str(text).ok())
    }

    /// Takes a time.
    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<DateTime<Utc>>, Problem> {
        // A plus that nobody escaped arrives as a blank.
        self.parsed(name, moment::RULE, |text| moment::parse(&text.replace(' ', "+")))
    }

    /// Takes a position of the log.
    pub(super) fn position(&mut self, name: &'static str) -> Result<Option<i64>, Problem> {
        self.parsed(name, "must be a position of the log: a whole number, 0 or more", |text| {
            text.parse().ok().filter(|position| *position >= 0)
        })
    }

    /// Takes a value that has a name or a form of its own, as in JSON.
    pub(super) fn value<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let read: Result<T, value::Error> = T::deserialize(text.into_deserializer());
        read.map(Some).map_err(|error| Problem::parameter(name, error.to_string()))
    }

    /// Takes the length of a page.
    pub(super) fn limit(&mut self) -> Result<u32, Problem> {
        Ok(self.parsed("limit", "must be a whole number", clamp)?.unwrap_or(USUAL_LIMIT))
    }
}

/// Any whole number, as a length of a page.
fn clamp(text: &str) -> Option<u32> {
    // A plus that nobody escaped arrives as a blank.
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('-') {
        return Some(1);
    }
    // More digits than fit are more than enough.
    Some(digits.parse().unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT))
}

/// What a GET asks for besides its path.
#[derive(Debug)]
pub(super) struct Read<F> {
    /// The resource's own parameters.
    pub(super) filter: F,
    /// The position that the answer must have seen.
    pub(super) after: Option<i64>,
    /// What the caller has already.
    pub(super) known: Known,
}

impl<F: FromParams, S: Sync> FromRequestParts<S> for Read<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut params = Params::read(&parts.uri)?;
        let after = params.position("after")?;
        let filter = F::take(&mut params)?;
        params.finish()?;
        Ok(Self { filter, after, known: Known::read(&parts.headers)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spindle_domain::order::Status;

    fn params(query: &str) -> Params {
        Params::read(&format!("/orders?{query}").parse().unwrap()).unwrap()
    }

    #[test]
    fn any_whole_number_is_a_limit() {
        let limit = |text: &str| params(&format!("limit={text}")).limit().map_err(|problem| problem.code());
        assert_eq!(params("").limit().unwrap(), 50);
        assert_eq!(limit("7"), Ok(7));
        assert_eq!(limit("0"), Ok(1));
        assert_eq!(limit("-0"), Ok(1));
        assert_eq!(limit("-1"), Ok(1));
        assert_eq!(limit("201"), Ok(200));
        assert_eq!(limit(&format!("1{}", "0".repeat(36))), Ok(200));
        assert_eq!(limit(&format!("-1{}", "0".repeat(36))), Ok(1));
        assert_eq!(limit("%2B5"), Ok(5));
        assert_eq!(limit("+300"), Ok(200));
        for wrong in ["x", "1.5", "1e3", "-", "%2B", "0x10", "--1", "٣"] {
            assert_eq!(limit(wrong), Err("invalid_parameter"), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_that_no_list_gave_out_is_refused() {
        assert!(Page::take(&mut params("cursor=abc")).is_err());
        assert_eq!(Page::take(&mut params("limit=500")).unwrap(), Page::new(Some(200), None));
    }

    #[test]
    fn a_parameter_that_nobody_knows_is_named() {
        let mut given = params("limit=1&colour=red&size=big");
        given.limit().unwrap();
        let problem = given.finish().unwrap_err();
        let places: Vec<_> = problem.errors().iter().map(|fault| fault.at.clone()).collect();
        assert_eq!(places, [Place::Parameter("colour".into()), Place::Parameter("size".into())]);
    }

    #[test]
    fn a_parameter_counts_once() {
        assert!(params("q=a&q=b").text("q").is_err());
        assert_eq!(params("q=").text("q").unwrap(), None);
        assert!(params("q=a%00").text("q").is_err());
    }

    #[test]
    fn values_are_read_by_the_rules_of_the_domain() {
        assert_eq!(params("status=paid").value::<Status>("status").unwrap(), Some(Status::Paid));
        let problem = params("status=lost").value::<Status>("status").unwrap_err();
        assert!(problem.to_string().contains("dispatched"), "{problem}");
        assert_eq!(params("cancelled=true").flag("cancelled").unwrap(), Some(true));
        assert!(params("cancelled=1").flag("cancelled").is_err());
        assert!(params("customer=me").uuid("customer").is_err());
        assert!(params("after=-1").position("after").is_err());
    }

    #[test]
    fn a_zone_with_a_bare_plus_is_understood() {
        let since = params("since=2026-05-01T14:00:00+02:00").time("since").unwrap();
        assert_eq!(since, moment::parse("2026-05-01T12:00:00Z"));
        assert!(params("since=yesterday").time("since").is_err());
    }
}
