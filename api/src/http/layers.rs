//! What every request passes through: its trace, its metrics, the bound on requests in flight, the bound on time,
//! and the net for panics.
//!
//! **Invariant:** no request waits for a place: when all are taken it is refused at once.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, OriginalUri, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::trace::{self, Trace};
use crate::problem::{Cause, Code, Problem};

/// Places for requests in flight, and how long each may be kept.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    places: Arc<Semaphore>,
    time: Duration,
}

impl Bounds {
    pub(super) fn new(in_flight: usize, time: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(in_flight.min(Semaphore::MAX_PERMITS))), time }
    }
}

/// Refuses what exceeds a bound. A command that was begun runs on to its end without its request.
pub(super) async fn bound(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let Ok(_place) = bounds.places.try_acquire() else {
        metrics::counter!("spindle_http_refused_total").increment(1);
        return Problem::new(Code::Overloaded, "Too many requests are being answered.").into_response();
    };
    match tokio::time::timeout(bounds.time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            Code::TimedOut,
            "What was asked may still be done: ask again under the same idempotency key.",
        )
        .caused_by(format!("no answer within {} s", bounds.time.as_secs_f32()))
        .into_response(),
    }
}

/// Gives the request its trace and its span, and says afterwards how it went.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let trace = Trace::of(request.headers());
    let method = word(request.method());
    // The template, not the path: labels must not grow with the number of orders.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span =
        tracing::info_span!("request", method, route, trace_id = trace.id(), path = request.uri().path());
    request.extensions_mut().insert(trace.clone());

    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();

    let status = response.status().as_u16();
    metrics::histogram!("spindle_http_request_seconds", "method" => method, "route" => route.clone())
        .record(elapsed);
    metrics::counter!(
        "spindle_http_requests_total",
        "method" => method, "route" => route.clone(), "status" => status.to_string()
    )
    .increment(1);
    span.in_scope(|| {
        if let Some(Cause(cause)) = response.extensions().get::<Cause>() {
            tracing::warn!(status, ?elapsed, "{method} {route} answered {status}: {cause}");
        } else {
            tracing::debug!(status, ?elapsed, "{method} {route} answered {status}");
        }
    });
    for (name, value) in [(trace::TRACEPARENT, trace.parent().as_str()), (trace::TRACE, trace.id())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The methods that routes know; clients may send any word.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// A defect ends one request, not the process.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands over the panic")]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!("spindle_http_panics_total").increment(1);
    let said =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(format!("a handler panicked: {}", said.unwrap_or("without a word"))).into_response()
}

/// No route has that address.
pub(super) async fn not_found(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(Code::NotFound, format!("Nothing is at {}.", uri.path()))
}

/// The address knows other methods; the `Allow` header, which the router adds, names them.
pub(super) async fn method_not_allowed(method: Method, OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("{method} is not allowed at {}.", uri.path()))
}
