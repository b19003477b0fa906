//! What is answered: a resource with its version and position, a page of them, or nothing but those.
//!
//! **Invariant:** the body that a command answers with is made of the same state, by the same function, as when
//! the command is asked again under its key.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use spindle_commands::Done;
use spindle_commands::dispatcher::Dispatched;
use spindle_projections::queries::{Cursor, Listed, Row};
use uuid::Uuid;

use super::etag::{self, Known};
use crate::problem::Problem;

/// The position of the last event of what is shown or was done.
pub(super) const POSITION: HeaderName = HeaderName::from_static("spindle-position");
/// Marks the first answer, given again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// An aggregate that has a representation.
pub(super) trait Resource: Dispatched {
    /// What a client reads.
    type Body: Serialize;

    /// The resource as it stands; `None` when there is nothing to show.
    fn body(&self, id: Uuid, version: i64) -> Option<Self::Body>;

    /// There is no such resource.
    fn missing() -> Problem;
}

/// Answers a command with the resource.
pub(super) fn done<A: Resource>(status: StatusCode, done: &Done<A>) -> Result<Response, Problem> {
    let body = done.state.body(done.id, done.version).ok_or_else(A::missing)?;
    Ok(mark(done, json(status, &body)?))
}

/// Answers a command with 201 and the resource's address.
pub(super) fn created<A: Resource>(collection: &str, made: &Done<A>) -> Result<Response, Problem> {
    let mut response = done(StatusCode::CREATED, made)?;
    if let Ok(address) = HeaderValue::try_from(format!("{collection}/{}", made.id)) {
        response.headers_mut().insert(LOCATION, address);
    }
    Ok(response)
}

/// Answers a command that leaves nothing to show.
pub(super) fn gone<A: Resource>(done: &Done<A>) -> Response {
    mark(done, StatusCode::NO_CONTENT.into_response())
}

fn mark<A>(done: &Done<A>, response: Response) -> Response {
    let mut response = stamp(response, Some(done.version), done.position);
    if done.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Answers a question with one resource, or with 304 when the caller has it already.
pub(super) fn one<B: Serialize>(
    known: &Known,
    version: i64,
    position: i64,
    body: impl FnOnce() -> B,
) -> Result<Response, Problem> {
    let response = if known.has(version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json(StatusCode::OK, &body())?
    };
    Ok(stamp(response, Some(version), position))
}

/// Answers a question whose answer is made of more than one stream, and so has no version.
pub(super) fn seen<B: Serialize>(position: i64, body: &B) -> Result<Response, Problem> {
    Ok(stamp(json(StatusCode::OK, body)?, None, position))
}

/// Answers with a page of a list.
pub(super) fn page<V, B: Serialize>(
    name: &'static str,
    listed: Listed<V>,
    body: impl Fn(Row<V>) -> B,
) -> Result<Response, Problem> {
    let page = Paged { name, items: listed.rows.into_iter().map(body).collect(), next: listed.next };
    json(StatusCode::OK, &page)
}

/// `{"orders": […], "next_cursor": "…"}`
struct Paged<B> {
    name: &'static str,
    items: Vec<B>,
    next: Option<Cursor>,
}

impl<B: Serialize> Serialize for Paged<B> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry(self.name, &self.items)?;
        map.serialize_entry("next_cursor", &self.next.as_ref().map(Cursor::encode))?;
        map.end()
    }
}

/// Answers with JSON.
pub(super) fn json<B: Serialize>(status: StatusCode, body: &B) -> Result<Response, Problem> {
    let text = serde_json::to_vec(body).map_err(Problem::internal)?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn stamp(mut response: Response, version: Option<i64>, position: i64) -> Response {
    let headers = response.headers_mut();
    if let Some(tag) = version.and_then(etag::of) {
        headers.insert(ETAG, tag);
    }
    // Position 0 is before the first event: nothing was stored, and there is nothing to wait for.
    if position > 0 {
        headers.insert(POSITION, position.into());
    }
    response
}
