//! The edge without anything behind it: what every route has in common, on handlers that only look at what the
//! extractors give them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt;

use super::asked::{Asked, MayAsk, Nothing};
use super::path::Id;
use super::query::Read;
use super::{Limits, bounded, framed};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    word: String,
}

async fn say(asked: Asked<Word>) -> String {
    let claim = asked
        .context
        .claim
        .map(|claim| format!("{} {} {:02x?}", claim.scope, claim.key, &claim.fingerprint[..4]));
    format!("{}|{}|{:?}|{claim:?}", asked.body.word, asked.caller.name, asked.context.expected_version)
}

async fn hush(MayAsk(_): MayAsk<Nothing>) -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn look(Id(id): Id, read: Read<()>) -> String {
    format!("{id} {:?}", read.after)
}

async fn break_down() -> Result<(), Problem> {
    panic!("on purpose")
}

fn routes(limits: Limits) -> Router {
    let routes = Router::new()
        .route("/", post(say))
        .route("/{id}", get(look).delete(hush))
        .route("/break", post(break_down))
        .route("/never", post(std::future::pending::<()>));
    framed(bounded(Router::new().nest("/words", routes), limits))
}

async fn ask(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// The problem of an answer, which must be one.
async fn problem(response: Response<Body>, status: u16, code: &str) -> Value {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(body["type"], format!("/problems/{code}"), "{body}");
    assert_eq!(body["status"], status, "{body}");
    assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
    body
}

fn with(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");
const ID: &str = "0190b5a0-0000-7000-8000-000000000001";

fn word(headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let headers: Vec<_> = [JSON].iter().chain(headers).copied().collect();
    with("POST", "/words", &headers, body.to_owned())
}

#[tokio::test]
async fn what_no_route_takes_is_a_problem() {
    let router = routes(Limits::default());
    problem(ask(&router, with("GET", "/nowhere", &[], "")).await, 404, "not_found").await;
    problem(ask(&router, with("GET", "/words/a/b/c", &[], "")).await, 404, "not_found").await;
    let response = ask(&router, with("PATCH", "/words", &[], "")).await;
    assert_eq!(response.headers()[ALLOW], "POST");
    let body = problem(response, 405, "method_not_allowed").await;
    assert_eq!(body["detail"], "PATCH is not allowed at /words.");
}

#[tokio::test]
async fn a_good_body_comes_through_with_its_context() {
    let router = routes(Limits::default());
    let headers = [("spindle-actor", "operator:ann"), ("idempotency-key", "k1"), ("if-match", "\"3\"")];
    let first = text(ask(&router, word(&headers, r#"{"word":"hi"}"#)).await).await;
    assert!(first.starts_with("hi|operator:ann|Some(3)|Some(\"http:operator:ann k1 "), "{first}");
    assert_eq!(first, text(ask(&router, word(&headers, r#"{"word":"hi"}"#)).await).await);
    let other = text(ask(&router, word(&headers, r#"{"word":"ho"}"#)).await).await;
    assert_ne!(first.split_once('['), other.split_once('['), "another body has another fingerprint");
    let nobody = text(ask(&router, word(&[], r#"{"word":"hi"}"#)).await).await;
    assert_eq!(nobody, "hi|anonymous|None|None");
}

#[tokio::test]
async fn a_bad_body_is_named_with_its_place() {
    let router = routes(Limits::default());
    problem(ask(&router, word(&[], "")).await, 400, "body_missing").await;
    problem(ask(&router, word(&[], "{")).await, 400, "invalid_json").await;
    let plain = with("POST", "/words", &[("content-type", "text/plain")], "{}");
    problem(ask(&router, plain).await, 415, "unsupported_media_type").await;
    let body = problem(ask(&router, word(&[], r#"{"word":1}"#)).await, 422, "invalid_body").await;
    assert_eq!(
        body["errors"],
        json!([{"pointer": "/word", "rule": "invalid type: integer `1`, expected a string"}])
    );
    let body =
        problem(ask(&router, word(&[], r#"{"word":"a","wrod":"b"}"#)).await, 422, "invalid_body").await;
    assert_eq!(body["errors"][0]["pointer"], "/wrod");
    let body = problem(ask(&router, word(&[], r#"{"word":"a\u0000"}"#)).await, 422, "invalid_body").await;
    assert_eq!(body["errors"][0]["pointer"], "/word");
}

#[tokio::test]
async fn a_body_may_be_left_out_where_nothing_need_be_said() {
    let router = routes(Limits::default());
    let path = format!("/words/{ID}");
    assert_eq!(ask(&router, with("DELETE", &path, &[], "")).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(&router, with("DELETE", &path, &[JSON], "{}")).await.status(), StatusCode::NO_CONTENT);
    problem(ask(&router, with("DELETE", &path, &[JSON], r#"{"x":1}"#)).await, 422, "invalid_body").await;
    problem(ask(&router, with("DELETE", &path, &[("if-match", "3")], "")).await, 422, "invalid_header").await;
    problem(
        ask(&router, with("DELETE", &path, &[("if-match", "W/\"3\"")], "")).await,
        412,
        "version_mismatch",
    )
    .await;
}

#[tokio::test]
async fn parameters_are_known_or_refused() {
    let router = routes(Limits::default());
    let show = |query: &str| with("GET", &format!("/words/{ID}{query}"), &[], "");
    assert_eq!(text(ask(&router, show("?after=7")).await).await, format!("{ID} Some(7)"));
    let body = problem(ask(&router, show("?colour=red")).await, 422, "invalid_parameter").await;
    assert_eq!(body["errors"][0]["parameter"], "colour");
    problem(ask(&router, with("GET", "/words/7", &[], "")).await, 422, "invalid_parameter").await;
    problem(ask(&router, with("GET", "/words/%ff", &[], "")).await, 422, "invalid_parameter").await;
    let posted = with("POST", "/words?colour=red", &[JSON], r#"{"word":"hi"}"#);
    problem(ask(&router, posted).await, 422, "invalid_parameter").await;
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit_and_no_further() {
    let router = routes(Limits { body: 20, ..Limits::default() });
    assert_eq!(ask(&router, word(&[], r#"{"word":"123456789"}"#)).await.status(), StatusCode::OK);
    problem(ask(&router, word(&[], r#"{"word":"1234567890"}"#)).await, 413, "body_too_large").await;
}

#[tokio::test]
async fn a_broken_body_is_the_clients_problem() {
    let router = routes(Limits::default());
    let cut = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("cut"))]);
    let request = with("POST", "/words", &[JSON], Body::from_stream(cut));
    problem(ask(&router, request).await, 400, "body_interrupted").await;
}

#[tokio::test]
async fn when_every_place_is_taken_the_next_is_refused_at_once() {
    let (entered, mut inside) = mpsc::channel(1);
    let leave = Arc::new(Notify::new());
    let wait = {
        let leave = Arc::clone(&leave);
        async move || {
            entered.send(()).await.unwrap();
            leave.notified().await;
        }
    };
    let limits = Limits { in_flight: 1, ..Limits::default() };
    let router =
        framed(bounded(Router::new().route("/wait", get(wait)).route("/", get(async || ())), limits));

    let first = tokio::spawn(router.clone().oneshot(with("GET", "/wait", &[], "")));
    inside.recv().await.unwrap();
    let refused = ask(&router, with("GET", "/", &[], "")).await;
    assert_eq!(refused.headers()[RETRY_AFTER], "1");
    problem(refused, 503, "overloaded").await;

    leave.notify_one();
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(ask(&router, with("GET", "/", &[], "")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let router = routes(Limits { time: Duration::from_millis(5), ..Limits::default() });
    let response = ask(&router, with("POST", "/words/never", &[], "")).await;
    assert!(response.headers().contains_key(RETRY_AFTER));
    problem(response, 503, "request_timed_out").await;
}

#[tokio::test]
async fn a_panic_ends_one_request() {
    let router = routes(Limits::default());
    let body =
        problem(ask(&router, with("POST", "/words/break", &[], "")).await, 500, "internal_error").await;
    assert!(!body.to_string().contains("on purpose"), "{body}");
    assert_eq!(ask(&router, word(&[], r#"{"word":"hi"}"#)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_answer_names_its_trace() {
    let router = routes(Limits::default());
    let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let response = ask(&router, with("GET", "/nowhere", &[("traceparent", sent)], "")).await;
    assert_eq!(response.headers()["spindle-trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_ne!(response.headers()["traceparent"], sent);
    let response = ask(&router, word(&[("traceparent", "nonsense")], "{}")).await;
    assert!(response.headers()["traceparent"].to_str().unwrap().starts_with("00-"));
}
