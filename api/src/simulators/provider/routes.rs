//! The provider over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spindle_commands::effects::wire::{CaptureRequest, IDEMPOTENCY_KEY, Payment};
use spindle_domain::values::PaymentId;

use super::records::{LedgerEntry, No};
use super::world::{Call, Reply, World};
use crate::simulators::{fate, is_local};

/// The largest body that is read, in bytes: a request has less than a tenth of it.
const LARGEST_BODY: usize = 64 * 1024;
/// The longest key, in characters.
const LONGEST_KEY: usize = 255;
/// The most ledger entries in one answer.
const LONGEST_PAGE: usize = 10_000;

type Shared = State<Arc<World>>;
type Answer = Result<Reply, No>;

pub(super) fn router(world: Arc<World>) -> Router {
    let guarded = Router::new()
        .route("/v1/payments", post(authorize).get(by_reference))
        .route("/v1/payments/{id}", get(by_id))
        .route("/v1/payments/{id}/capture", post(capture))
        .route("/v1/payments/{id}/void", post(void))
        .route("/v1/payments/{id}/refunds", post(refund))
        .route("/v1/ledger", get(ledger))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&world), admit));
    // What customers and testers do needs no key of a shop.
    let open = Router::new()
        .route("/v1/payments/{id}/complete", post(complete))
        .route("/v1/payments/{id}/allow-refunds", post(allow_refunds))
        .route("/action/{id}", get(action))
        .route("/healthz", get(|| async { "ok" }));
    guarded
        .merge(open)
        .fallback(|| async { No::new(404, "no_such_path", "there is nothing at this address") })
        .method_not_allowed_fallback(|| async { No::new(405, "method_not_allowed", "not with this method") })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(world)
}

async fn admit(State(world): Shared, request: Request, next: Next) -> Response {
    let expected = world.options.api_key.as_ref().map(|key| format!("Bearer {key}"));
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match expected {
        Some(expected) if given != Some(&expected) => {
            No::new(401, "unauthorized", "the API key is missing or wrong").into_response()
        }
        _ => next.run(request).await,
    }
}

async fn authorize(State(world): Shared, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Answer {
    let body = body.map_err(|error| rejected(&error))?;
    let request: spindle_commands::effects::wire::AuthorizeRequest = parse(&body)?;
    if let Some(url) = request.callback_url.as_deref().filter(|url| !is_local(url)) {
        return Err(No::new(
            422,
            "callback_url",
            format!("{url:?} is not a plain HTTP address of this machine"),
        ));
    }
    perform(&world, Call::Authorize(request), &headers, "authorize", &body).await
}

async fn capture(
    State(world): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let body = body.map_err(|error| rejected(&error))?;
    let CaptureRequest { amount } = parse(&body)?;
    perform(&world, Call::Capture(id.clone(), amount), &headers, &format!("capture {id}"), &body).await
}

async fn void(State(world): Shared, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    perform(&world, Call::Void(id.clone()), &headers, &format!("void {id}"), &[]).await
}

async fn refund(
    State(world): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let body = body.map_err(|error| rejected(&error))?;
    let request = parse(&body)?;
    perform(&world, Call::Refund(id.clone(), request), &headers, &format!("refund {id}"), &body).await
}

async fn perform(world: &Arc<World>, call: Call, headers: &HeaderMap, what: &str, body: &[u8]) -> Answer {
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|value| value.to_str().ok())
        .filter(|key| (1..=LONGEST_KEY).contains(&key.len()))
        .ok_or_else(|| {
            No::new(400, "idempotency_key_missing", "an Idempotency-Key of 1 to 255 characters is required")
        })?;
    let fingerprint = fate::number(0, what, &String::from_utf8_lossy(body));
    Ok(world.perform(call, key, fingerprint).await)
}

async fn by_id(State(world): Shared, Path(id): Path<String>) -> Answer {
    tokio::time::sleep(world.options.delay).await;
    let payment = world.look(|book| book.payment(&id).map(|account| account.payment.clone()));
    payment.map(|payment| ok(&payment)).ok_or_else(No::not_found)
}

#[derive(Deserialize)]
struct ByReference {
    reference: String,
}

async fn by_reference(State(world): Shared, query: Result<Query<ByReference>, QueryRejection>) -> Answer {
    tokio::time::sleep(world.options.delay).await;
    let reference: PaymentId = query
        .ok()
        .and_then(|Query(ByReference { reference })| reference.parse().ok())
        .ok_or_else(|| No::new(422, "reference", "?reference= must be a UUID"))?;
    let payment = world.look(|book| book.by_reference(reference).map(|account| account.payment.clone()));
    payment.map(|payment| ok(&payment)).ok_or_else(No::not_found)
}

#[derive(Deserialize)]
struct Slice {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Ledger {
    entries: Vec<LedgerEntry>,
    /// What to pass as `after` for the rest; none at the end.
    next: Option<u64>,
}

async fn ledger(State(world): Shared, query: Result<Query<Slice>, QueryRejection>) -> Answer {
    let Query(Slice { after, limit }) =
        query.map_err(|_| No::new(422, "query", "after and limit must be whole numbers"))?;
    let limit = limit.unwrap_or(LONGEST_PAGE).clamp(1, LONGEST_PAGE);
    let start = usize::try_from(after).unwrap_or(usize::MAX);
    let page = world.look(|book| {
        let rest = book.ledger().get(start..).unwrap_or_default();
        let entries: Vec<_> = rest.iter().take(limit).cloned().collect();
        let next = (rest.len() > entries.len()).then(|| after.saturating_add(entries.len() as u64));
        Ledger { entries, next }
    });
    Ok(ok(&page))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    #[default]
    Authorized,
    Declined,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Completion {
    #[serde(default)]
    result: Verdict,
}

async fn complete(
    State(world): Shared,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let body = body.map_err(|error| rejected(&error))?;
    let Completion { result } = if body.is_empty() { Completion::default() } else { parse(&body)? };
    let (payment, first) = world.complete(&id, matches!(result, Verdict::Authorized))?;
    // The callback goes its own way.
    drop(first);
    Ok(ok(&payment))
}

async fn allow_refunds(State(world): Shared, Path(id): Path<String>) -> Answer {
    world.allow_refunds(&id).map(|payment: Payment| ok(&payment))
}

/// Where the customer acts.
async fn action(State(world): Shared, Path(id): Path<String>) -> Result<Html<String>, No> {
    let payment = world.look(|book| book.payment(&id).map(|account| account.payment.clone()));
    let Payment { id, amount, status, .. } = payment.ok_or_else(No::not_found)?;
    Ok(Html(format!(
        "<!doctype html><title>Confirm payment</title><h1>{amount}</h1><p>The payment is {status:?}.</p>\
         <form method=\"post\" action=\"/v1/payments/{id}/complete\"><button>Confirm</button></form>"
    )))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, No> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| No::new(422, "invalid_body", error.to_string()))
        .and_then(|value| {
            reader.end().map(|()| value).map_err(|error| No::new(422, "invalid_body", error.to_string()))
        })
}

fn rejected(error: &BytesRejection) -> No {
    No::new(error.status().as_u16(), "unreadable_body", error.body_text())
}

fn ok(value: &impl Serialize) -> Reply {
    match serde_json::to_string(value) {
        Ok(body) => Reply { status: 200, body, replayed: false },
        Err(error) => No::new(500, "unwritable", error.to_string()).into(),
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        Reply::from(self).into_response()
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(CONTENT_TYPE, "application/json")], self.body).into_response();
        if self.replayed {
            let name = axum::http::HeaderName::from_static("idempotent-replayed");
            response.headers_mut().insert(name, axum::http::HeaderValue::from_static("true"));
        }
        response
    }
}
