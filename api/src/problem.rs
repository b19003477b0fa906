//! Everything that goes wrong over HTTP, as one kind of document: RFC 9457 `application/problem+json`.
//!
//! Which error type suits which layer: the domain refuses with [`Refusal`], the dispatcher fails with
//! [`CommandError`], views fail with [`QueryError`], the edge refuses with a [`Code`]; here all of them become a [`Problem`], and nothing else does.
//!
//! **Invariant:** a problem never shows what only an operator may know: causes go to the log, once, in the
//! request's span.

mod codes;
mod refusals;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use spindle_commands::CommandError;
use spindle_domain::refusal::Refusal;
use spindle_eventlog::LogError;
use spindle_projections::queries::QueryError;

pub use codes::Code;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// After how many seconds to come back when something is away or full: long enough to let a queue drain.
const COME_BACK: u32 = 1;
/// How many characters of a client's own text an answer repeats at most.
const LONGEST_ECHO: usize = 300;

/// Why a request has no better answer.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: &'static str,
    title: Cow<'static, str>,
    status: StatusCode,
    detail: String,
    errors: Vec<Fault>,
    extra: Map<String, Value>,
    retry_after: Option<u32>,
    cause: Option<Arc<str>>,
}

/// One part of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which part.
    pub at: Place,
    /// Which rule.
    pub rule: String,
}

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Of the body: an RFC 6901 pointer.
    Pointer(String),
    /// Of the path or the query: its name.
    Parameter(String),
    /// A header: its name.
    Header(&'static str),
}

/// What went wrong inside, for the log: found in the extensions of a response.
#[derive(Debug, Clone)]
pub struct Cause(pub Arc<str>);

impl Problem {
    /// A problem of the edge, with one sentence about this occurrence.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = (code.status() == StatusCode::SERVICE_UNAVAILABLE || code == Code::KeyInFlight)
            .then_some(COME_BACK);
        Self(Box::new(Inner {
            code: code.as_str(),
            title: Cow::Borrowed(code.title()),
            status: code.status(),
            detail: shorten(detail.into()),
            errors: Vec::new(),
            extra: Map::new(),
            retry_after,
            cause: None,
        }))
    }

    /// A part of the body breaks a rule.
    #[must_use]
    pub fn body(pointer: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::fault(Code::InvalidBody, Place::Pointer(pointer.into()), rule.into())
    }

    /// A part of the path or the query breaks a rule.
    #[must_use]
    pub fn parameter(name: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::fault(Code::InvalidParameter, Place::Parameter(name.into()), rule.into())
    }

    /// A header breaks a rule.
    #[must_use]
    pub fn header(name: &'static str, rule: impl Into<String>) -> Self {
        Self::fault(Code::InvalidHeader, Place::Header(name), rule.into())
    }

    /// A defect: the client reads that there is one, the log reads which.
    #[must_use]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(Code::Internal, "Something went wrong that should not; it is written in Spindle's log.")
            .caused_by(cause)
    }

    fn fault(code: Code, at: Place, rule: String) -> Self {
        let place = match &at {
            Place::Pointer(pointer) if pointer.is_empty() => "the body".to_owned(),
            Place::Pointer(pointer) => pointer.clone(),
            Place::Parameter(name) => format!("parameter {name}"),
            Place::Header(name) => format!("header {name}"),
        };
        Self::new(code, format!("{place}: {rule}")).and(at, rule)
    }

    /// Names one more part that breaks a rule.
    #[must_use]
    pub fn and(mut self, at: Place, rule: impl Into<String>) -> Self {
        self.0.errors.push(Fault { at, rule: shorten(rule.into()) });
        self
    }

    /// Says which part of the body a refusal is about, in the words of the refusal.
    #[must_use]
    pub fn at(self, pointer: impl Into<String>) -> Self {
        let rule = self.0.detail.clone();
        self.and(Place::Pointer(pointer.into()), rule)
    }

    /// Adds a member to the document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extra.insert(name.to_owned(), value.into());
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl std::fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string().into());
        self
    }

    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// With which status it is answered.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The parts that break a rule.
    #[must_use]
    pub fn errors(&self) -> &[Fault] {
        &self.0.errors
    }
}

/// What a client sent comes back in answers, but not without end.
fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_ECHO) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.code, self.0.detail)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusals::problem(&refusal)
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Stale { expected, actual } => Self::new(
                Code::VersionMismatch,
                format!("Version {expected} was expected, it is version {actual} now."),
            )
            .with("expected", expected)
            .with("actual", actual),
            CommandError::KeyReused => Self::new(
                Code::KeyReused,
                "This idempotency key came with another request before: take a new one.",
            ),
            CommandError::KeyInFlight => Self::new(
                Code::KeyInFlight,
                "The first request with this idempotency key is still being carried out.",
            ),
            CommandError::Busy => {
                Self::new(Code::Overloaded, "Too many commands are waiting; nothing was stored.")
            }
            CommandError::Unavailable(cause) => {
                Self::new(Code::Unavailable, "The event log cannot be reached; nothing was stored.")
                    .caused_by(cause)
            }
            CommandError::Unknown(cause) => Self::new(
                Code::OutcomeUnknown,
                "The event log stopped answering: send the request again under the same idempotency key.",
            )
            .caused_by(cause),
            CommandError::Unreadable(cause) => Self::new(
                Code::Unreadable,
                "The stored history of this resource cannot be read by this version.",
            )
            .caused_by(cause),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Unavailable(cause) => {
                Self::new(Code::ViewsUnavailable, "The views cannot be read now.").caused_by(cause)
            }
            QueryError::Behind(behind) => {
                Self::new(Code::ProjectionBehind, "What was written is not readable yet: ask again.")
                    .with("at", behind.at)
                    .with("wanted", behind.wanted)
                    .caused_by(behind)
            }
            QueryError::Parked { .. } => {
                Self::new(Code::ProjectionParked, "This view stopped at an event and waits for an operator.")
                    .caused_by(error)
            }
            QueryError::Unreadable { .. } => Self::new(
                Code::Unreadable,
                "The stored view of this resource cannot be read by this version.",
            )
            .caused_by(error),
            QueryError::BadSearch(rule) => Self::parameter("q", rule),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable(_) => {
                Self::new(Code::Unavailable, "The event log cannot be read now.").caused_by(error)
            }
            LogError::Gap { .. } | LogError::Unreadable { .. } => {
                Self::new(Code::Unreadable, "The event log is damaged.").caused_by(error)
            }
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = to.serialize_map(Some(2))?;
        match &self.at {
            Place::Pointer(pointer) => map.serialize_entry("pointer", pointer)?,
            Place::Parameter(name) => map.serialize_entry("parameter", name)?,
            Place::Header(name) => map.serialize_entry("header", name)?,
        }
        map.serialize_entry("rule", &self.rule)?;
        map.end()
    }
}

impl Problem {
    fn document(&self) -> Document<'_> {
        let Inner { code, title, status, detail, errors, extra, .. } = &*self.0;
        Document {
            r#type: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail,
            errors,
            extra,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Strings, numbers and maps with string keys can always be written.
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Webhook-Signature"));
        }
        if let Some(cause) = self.0.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}
