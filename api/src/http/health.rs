//! Whether Spindle lives, whether it can take commands, and its metrics.
//!
//! **Invariant:** what is not known is not said to be well: a check that gets no answer has failed.

mod checks;
mod gauges;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use super::answer;
use super::state::Shared;
use crate::problem::Problem;

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router() -> Router<Shared> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// The process runs; nothing else is asked, so that nobody restarts it because the database is away.
async fn alive() -> Result<Response, Problem> {
    answer::json(StatusCode::OK, &json!({"status": "ok"}))
}

async fn ready(State(app): State<Shared>) -> Result<Response, Problem> {
    let report = checks::all(&app).await;
    let status = if report.can_take_commands() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &report)
}

async fn metrics(State(app): State<Shared>) -> Response {
    let counted = app.metrics.as_ref().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    let text = counted.unwrap_or_default() + &gauges::render(&app).await;
    ([(CONTENT_TYPE, HeaderValue::from_static(TEXT))], text).into_response()
}
