//! Versions as entity tags: `ETag`, `If-Match`, `If-None-Match`.
//!
//! The tag of a resource is its version in quotes. **Invariant:** a representation with a tag is a function of the
//! resource's own events, so that one tag never stands for two bodies.

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};

use crate::problem::{Code, Problem};

/// The tag of a version.
pub(super) fn of(version: i64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{version}\"")).ok()
}

/// A client's list of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    These(Vec<Tag>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    weak: bool,
    /// `None`: not a tag that Spindle gave.
    version: Option<i64>,
}

/// The version that the caller has seen, when it makes that a condition.
///
/// # Errors
/// When the header is not a list of entity tags, and when it names no version that this resource could have.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    match tags(headers, &IF_MATCH, "if-match")? {
        None | Some(Tags::Any) => Ok(None),
        Some(Tags::These(tags)) => match tags.as_slice() {
            // RFC 9110: the comparison is strong, so a weak tag never matches.
            [Tag { weak: false, version: Some(version) }] => Ok(Some(*version)),
            [_] => Err(Problem::new(Code::VersionMismatch, "If-Match names no version of this resource.")),
            _ => Err(Problem::header("if-match", "must be one entity tag or *")),
        },
    }
}

/// What the caller has already.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Option<Tags>);

impl Known {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        tags(headers, &IF_NONE_MATCH, "if-none-match").map(Self)
    }

    /// Whether the caller has this version: the comparison is weak.
    pub(super) fn has(&self, version: i64) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::These(tags)) => tags.iter().any(|tag| tag.version == Some(version)),
        }
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<Tags>, Problem> {
    let mut all = Vec::new();
    let mut any = false;
    for value in headers.get_all(name) {
        let wrong = || Problem::header(shown, "must be entity tags such as \"3\", or *");
        let text = value.to_str().map_err(|_| wrong())?.trim();
        if text == "*" {
            any = true;
        } else {
            all.extend(list(text).ok_or_else(wrong)?);
        }
    }
    Ok(match (any, all.is_empty()) {
        (true, true) => Some(Tags::Any),
        (true, false) => return Err(Problem::header(shown, "must not mix * with entity tags")),
        (false, true) => None,
        (false, false) => Some(Tags::These(all)),
    })
}

/// `"1", W/"2"`. A tag may hold a comma, so it is not enough to split.
fn list(text: &str) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut rest = text;
    loop {
        let weak = rest.starts_with("W/");
        let opaque = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (inside, after) = opaque.split_once('"')?;
        tags.push(Tag { weak, version: version(inside) });
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(tags);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// Only as Spindle writes it: `+3` and `03` are tags that it never gave.
fn version(text: &str) -> Option<i64> {
    text.parse().ok().filter(|version: &i64| *version >= 0 && version.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &HeaderName, text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name.clone(), text.parse().unwrap());
        headers
    }

    #[test]
    fn if_match_names_one_version_or_any() {
        let read = |text| expected(&with(&IF_MATCH, text));
        assert_eq!(expected(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read("\"3\"").unwrap(), Some(3));
        assert_eq!(read("*").unwrap(), None);
        for never in ["W/\"3\"", "\"abc\"", "\"\"", "\"+3\"", "\"03\""] {
            assert_eq!(read(never).unwrap_err().code(), "version_mismatch", "{never}");
        }
        for malformed in ["3", "\"3", "'3'", "\"3\" \"4\"", "\"3\",", "\"3\", \"4\"", "w/\"3\""] {
            assert_eq!(read(malformed).unwrap_err().code(), "invalid_header", "{malformed}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly_with_a_list() {
        let known = |text| Known::read(&with(&IF_NONE_MATCH, text)).unwrap();
        assert!(known("W/\"3\"").has(3));
        assert!(known("\"a,b\" , \"3\"").has(3));
        assert!(known("*").has(7));
        assert!(!known("\"2\"").has(3));
        assert!(!Known::default().has(3));
        assert!(Known::read(&with(&IF_NONE_MATCH, "nonsense")).is_err());
    }

    #[test]
    fn a_tag_is_the_version_in_quotes() {
        assert_eq!(of(12).unwrap(), "\"12\"");
    }
}
