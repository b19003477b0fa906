//! What a writing request asks for: its body, its caller, and the context that its command runs in.
//!
//! **Invariant:** nothing is dispatched before all of the request is read and checked.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spindle_commands::Context;
use spindle_domain::values::Note;
use uuid::Uuid;

use super::caller::Caller;
use super::query::Params;
use super::trace::Trace;
use super::{etag, idempotency, json};
use crate::problem::{Code, Problem};

/// A writing request whose body must be there.
#[derive(Debug)]
pub(super) struct Asked<T> {
    pub(super) body: T,
    pub(super) caller: Caller,
    pub(super) context: Context,
}

/// A writing request whose body may be left out.
#[derive(Debug)]
pub(super) struct MayAsk<T>(pub(super) Asked<T>);

/// A body that says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(request, state, json::read).await
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for MayAsk<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(request, state, json::read_or_default).await.map(Self)
    }
}

async fn read<T, S: Send + Sync>(
    request: Request,
    state: &S,
    parse: impl FnOnce(&HeaderMap, &[u8]) -> Result<T, Problem>,
) -> Result<Asked<T>, Problem> {
    Params::read(request.uri())?.finish()?;
    let headers = request.headers().clone();
    let caller = Caller::read(&headers)?;
    let expected_version = etag::expected(&headers)?;
    let key = idempotency::key(&headers)?;
    let method = request.method().clone();
    let path = match request.extensions().get::<OriginalUri>() {
        Some(OriginalUri(uri)) => uri.path().to_owned(),
        None => request.uri().path().to_owned(),
    };
    let traceparent = request.extensions().get::<Trace>().map(Trace::parent);

    let bytes = whole(request, state).await?;
    let body = parse(&headers, &bytes)?;
    let claim = key.map(|key| idempotency::claim(caller.scope(), key, &method, &path, &bytes));
    let context = Context {
        actor: caller.name.clone(),
        correlation: None,
        causation: None,
        command_id: Uuid::now_v7(),
        traceparent,
        claim,
        expected_version,
    };
    Ok(Asked { body, caller, context })
}

/// The whole body, as long as the router's limit allows.
pub(super) async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::new(Code::BodyTooLarge, "The body is longer than is read here.")
        }
        other => {
            Problem::new(Code::BodyInterrupted, "The body could not be read to its end.").caused_by(other)
        }
    })
}

/// Why, which must be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    pub(super) reason: Note,
}

/// Why, which may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhyNot {
    #[serde(default)]
    pub(super) reason: Option<Note>,
}

impl WhyNot {
    /// The reason, or words that say that there is none.
    pub(super) fn or_unsaid(self) -> Result<Note, Problem> {
        match self.reason {
            Some(reason) => Ok(reason),
            None => Note::parse("no reason given").map_err(Problem::internal),
        }
    }
}
