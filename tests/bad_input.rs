//! Bad input of every kind, on every route: refused as a problem that names the field and the rule. Nothing is
//! stored of it, and a key that came with it is still free.

mod callback;
mod faults;
mod fuzz;
mod parameters;
mod routes;

use anyhow::{Context, Result, ensure};
use harness::{Answer, Edge};
use uuid::Uuid;

use faults::{places, with};
use routes::Route;

/// The longest body that the edge reads, in bytes, as the operations manual says.
const LONGEST_BODY: usize = 256 * 1_024;

const JSON: (&str, &str) = ("content-type", "application/json");

/// Asks a route under a key, with further headers.
async fn ask(edge: &Edge, route: &Route, key: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let headers = [&[("idempotency-key", key)], headers].concat();
    edge.client.send(route.method, &route.path, &headers, Some(body.to_vec())).await
}

/// What was wrong with which body, for the message of a failure.
fn shown(route: &Route, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(300).collect();
    format!("{} {} {text}", route.method, route.path)
}

/// Sends every route bad requests under one key for each route, then what is good under the same key: only the
/// good requests may have stored anything.
async fn refuse_all(bad: impl AsyncFn(&Edge, &Route, &str) -> Result<usize>) -> Result<()> {
    let edge = Edge::open_with(routes::with_promo).await?;
    let routes = routes::all(&edge).await?;
    let before = edge.stored().await?;
    let mut keys = Vec::new();
    for route in &routes {
        let key = Uuid::new_v4().to_string();
        ensure!(bad(&edge, route, &key).await? > 0, "{} {} was asked nothing", route.method, route.path);
        keys.push(key);
    }
    let after = edge.stored().await?;
    ensure!(after == before, "refused, and yet stored: {before:?} became {after:?}");
    for (route, key) in routes.iter().zip(&keys) {
        let good = route.good.to_string();
        let answer = ask(&edge, route, key, &[JSON], good.as_bytes()).await?;
        let fresh = answer.header("idempotent-replayed").is_none();
        ensure!(
            (200..300).contains(&answer.status) && fresh,
            "{}: {answer:?}",
            shown(route, good.as_bytes())
        );
    }
    let stored = edge.stored().await?;
    let expected = i64::try_from(routes.len())?;
    ensure!(stored.claims == before.claims + expected && stored.head >= before.head + expected, "{stored:?}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_object_is_refused_by_every_writing_route() -> Result<()> {
    let no_object: [&[u8]; 9] =
        [b"[]", b"[{}]", b"\"text\"", b"1", b"-1.5e3", b"null", b"true", b" [ ] ", b"[null]"];
    refuse_all(async |edge, route, key| {
        for body in faults::no_json(&route.good) {
            let answer = ask(edge, route, key, &[JSON], &body).await?;
            answer.problem(400, "invalid_json").with_context(|| shown(route, &body))?;
        }
        for body in no_object {
            let answer = ask(edge, route, key, &[JSON], body).await?;
            answer.problem(422, "invalid_body").with_context(|| shown(route, body))?;
            ensure!(answer.rule("pointer", "")?.contains("object"), "{}", answer.body);
        }
        // Deeper than any parser goes: in a field that is known and in one that is not.
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(50_000 / open.len()), close.repeat(50_000 / open.len()));
            let body = format!("{{\"surprise\":{deep}}}");
            let answer = ask(edge, route, key, &[JSON], body.as_bytes()).await?;
            answer.problem(422, "invalid_body").with_context(|| shown(route, body.as_bytes()))?;
            answer.rule("pointer", "/surprise")?;
            for pointer in places(&route.good) {
                let body = with(&route.good, &pointer, &deep);
                let answer = ask(edge, route, key, &[JSON], &body).await?;
                answer.problem(422, "invalid_body").with_context(|| shown(route, &body))?;
            }
        }
        if !route.may_be_empty {
            ask(edge, route, key, &[JSON], b"")
                .await?
                .problem(400, "body_missing")
                .with_context(|| shown(route, b""))?;
            let sent = edge.client.send(route.method, &route.path, &[("idempotency-key", key)], None).await?;
            sent.problem(400, "body_missing").with_context(|| shown(route, b""))?;
        }
        Ok(no_object.len())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_field_is_named_with_its_rule_by_every_writing_route() -> Result<()> {
    refuse_all(async |edge, route, key| {
        let faults = faults::all(&route.good, route.required);
        for fault in &faults {
            let answer = ask(edge, route, key, &[JSON], &fault.body).await?;
            let code = answer.body["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/"));
            let code = fault.code.or(code).unwrap_or("no type").to_owned();
            answer.problem(422, &code).with_context(|| shown(route, &fault.body))?;
            let rule = answer.rule("pointer", &fault.pointer).with_context(|| shown(route, &fault.body))?;
            ensure!(rule.contains(&fault.about), "{}: {rule}", shown(route, &fault.body));
        }
        Ok(faults.len())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_is_never_taken_for_an_object() -> Result<()> {
    let mut seen = 0;
    let edge = Edge::open_with(routes::with_promo).await?;
    let routes = routes::all(&edge).await?;
    let before = edge.stored().await?;
    for route in &routes {
        for (pointer, fields) in &route.arrays {
            let body = with(&route.good, pointer, &fields.to_string());
            let answer = ask(&edge, route, &Uuid::new_v4().to_string(), &[JSON], &body).await?;
            answer.problem(422, "invalid_body").with_context(|| shown(route, &body))?;
            let rule = answer.rule("pointer", pointer).with_context(|| shown(route, &body))?;
            ensure!(rule.contains("array, expected an object"), "{}: {rule}", shown(route, &body));
            seen += 1;
        }
    }
    ensure!(seen >= 9 && edge.stored().await? == before, "{seen} arrays, {before:?}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_or_of_another_type_is_refused_by_every_writing_route() -> Result<()> {
    refuse_all(async |edge, route, key| {
        let good = route.good.to_string();
        // White space is JSON too, so that only its length is wrong with it.
        let large = format!("{}{good}", " ".repeat(LONGEST_BODY + 1 - good.len()));
        let answer = ask(edge, route, key, &[JSON], large.as_bytes()).await?;
        answer.problem(413, "body_too_large").with_context(|| shown(route, b"(large)"))?;

        let types =
            ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json", "", "json"];
        for media_type in types {
            let answer = ask(edge, route, key, &[("content-type", media_type)], good.as_bytes()).await?;
            answer
                .problem(415, "unsupported_media_type")
                .context(media_type)
                .with_context(|| shown(route, b""))?;
        }
        let answer = ask(edge, route, key, &[], good.as_bytes()).await?;
        answer.problem(415, "unsupported_media_type").with_context(|| shown(route, b"(no type)"))?;
        Ok(types.len())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_header_is_named_by_every_writing_route() -> Result<()> {
    let long = "k".repeat(256);
    let bad: [(&str, &str); 12] = [
        ("if-match", "3"),
        ("if-match", "\"3"),
        ("if-match", "\"1\", \"2\""),
        ("if-match", "nonsense"),
        ("if-match", "*, \"1\""),
        ("spindle-actor", "a b"),
        ("spindle-actor", ""),
        ("spindle-actor", "operator:"),
        ("spindle-actor", &long),
        ("idempotency-key", ""),
        ("idempotency-key", "a b"),
        ("idempotency-key", &long),
    ];
    refuse_all(async |edge, route, key| {
        let good = route.good.to_string().into_bytes();
        for (name, value) in bad {
            let answer = edge
                .client
                .send(route.method, &route.path, &[JSON, (name, value)], Some(good.clone()))
                .await?;
            answer.problem(422, "invalid_header").with_context(|| format!("{name}: {value}"))?;
            answer.rule("header", name).with_context(|| format!("{name}: {value}"))?;
        }
        let answer = ask(edge, route, key, &[JSON, ("idempotency-key", "another")], &good).await?;
        answer.problem(422, "invalid_header").context("two keys")?;
        answer.rule("header", "idempotency-key")?;
        for never in ["W/\"1\"", "\"abc\"", "\"01\"", "\"99\"", "\"0\""] {
            // What does not exist yet has version 0, and no other.
            if never == "\"0\"" && !route.template().contains("{id}") {
                continue;
            }
            let answer = ask(edge, route, key, &[JSON, ("if-match", never)], &good).await?;
            answer.problem(412, "version_mismatch").with_context(|| format!("If-Match: {never}"))?;
        }
        Ok(bad.len())
    })
    .await
}
