//! Addresses, methods and parameters that no route knows.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::{Edge, order};
use uuid::Uuid;

use super::{JSON, routes};

/// Every route: its address, `{id}` for an identifier, and its methods.
const ROUTES: [(&str, &[&str]); 34] = [
    ("/healthz", &["GET"]),
    ("/readyz", &["GET"]),
    ("/metrics", &["GET"]),
    ("/api/v1/orders", &["GET", "POST"]),
    ("/api/v1/orders/{id}", &["GET", "PUT", "DELETE"]),
    ("/api/v1/orders/{id}/pay", &["POST"]),
    ("/api/v1/orders/{id}/cancel", &["POST"]),
    ("/api/v1/orders/{id}/status", &["GET"]),
    ("/api/v1/orders/{id}/timeline", &["GET"]),
    ("/api/v1/kitchen/schedules", &["GET", "POST"]),
    ("/api/v1/kitchen/schedules/{id}", &["GET", "PUT", "DELETE"]),
    ("/api/v1/kitchen/schedules/{id}/status", &["GET"]),
    ("/api/v1/kitchen/schedules/{id}/accept", &["POST"]),
    ("/api/v1/kitchen/schedules/{id}/reject", &["POST"]),
    ("/api/v1/kitchen/schedules/{id}/start", &["POST"]),
    ("/api/v1/kitchen/schedules/{id}/finish", &["POST"]),
    ("/api/v1/kitchen/schedules/{id}/collect", &["POST"]),
    ("/api/v1/kitchen/schedules/{id}/cancel", &["POST"]),
    ("/api/v1/payments", &["GET"]),
    ("/api/v1/payments/{id}", &["GET"]),
    ("/api/v1/payments/{id}/refund", &["POST"]),
    ("/api/v1/payments/callback", &["POST"]),
    ("/api/v1/shipments", &["GET"]),
    ("/api/v1/shipments/{id}", &["GET"]),
    ("/api/v1/shipments/{id}/assign", &["POST"]),
    ("/api/v1/shipments/{id}/unassign", &["POST"]),
    ("/api/v1/shipments/{id}/pick-up", &["POST"]),
    ("/api/v1/shipments/{id}/position", &["POST"]),
    ("/api/v1/shipments/{id}/deliver", &["POST"]),
    ("/api/v1/shipments/{id}/fail", &["POST"]),
    ("/api/v1/shipments/{id}/return", &["POST"]),
    ("/api/v1/shipments/{id}/cancel", &["POST"]),
    ("/api/v1/sagas", &["GET"]),
    ("/api/v1/sagas/{id}", &["GET"]),
];

/// Parameters that break a rule: the list, the parameter's name, its values.
const PARAMETERS: [(&str, &str, &[&str]); 31] = [
    ("orders", "limit", &["x", "1.5", "1e3", "-", "0x10", "%00", "NaN"]),
    ("orders", "cursor", &["abc", "%00", "AA==", "💥", "../../etc"]),
    (
        "orders",
        "after",
        &["-1", "x", "1.5", "1000000000000000000000000000000000000", "9223372036854775807", "99"],
    ),
    ("orders", "status", &["lost", "Paid", "paid%20", "%00", "1"]),
    ("orders", "stage", &["lost"]),
    ("orders", "cancelled", &["1", "yes", "TRUE", "%00"]),
    ("orders", "customer", &["me", "0", "%00"]),
    ("orders", "since", &["yesterday", "2026-05-01", "2026-05-01T12:00:00", "1e36", "1969-12-31T23:59:59Z"]),
    ("orders", "until", &["tomorrow", "-1", "%2B10000-01-01T00:00:00Z"]),
    ("orders", "location", &["a%20b", "%00"]),
    (
        "orders",
        "q",
        &[
            "a%00b",
            "\
        0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x",
        ],
    ),
    ("orders", "colour", &["red", "", "%00"]),
    ("orders", "Limit", &["1"]),
    ("kitchen/schedules", "limit", &["x"]),
    ("kitchen/schedules", "status", &["boiling"]),
    ("kitchen/schedules", "stage", &["boiling"]),
    ("kitchen/schedules", "progress", &["maybe"]),
    ("kitchen/schedules", "order", &["7"]),
    ("kitchen/schedules", "since", &["then"]),
    ("kitchen/schedules", "customer", &["0190b5a0-0000-7000-8000-000000000001"]),
    ("payments", "order", &["7"]),
    ("payments", "stage", &["lost"]),
    ("payments", "until", &["then"]),
    ("payments", "status", &["paid"]),
    ("shipments", "stage", &["lost"]),
    ("shipments", "courier", &["a%20b", "%00"]),
    ("shipments", "cursor", &["abc"]),
    ("shipments", "after", &["-1"]),
    ("sagas", "status", &["stuck"]),
    ("sagas", "limit", &["x"]),
    ("sagas", "order", &["7"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_addresses_and_methods_are_problems_and_say_what_is_allowed() -> Result<()> {
    let edge = Edge::open().await?;
    let id = Uuid::now_v7();
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v2/orders",
        "/orders",
        "/api/v1/order",
        "/api/v1/orders/",
        "/api/v1//orders",
        "/API/v1/orders",
        "/api/v1/payments/callback/again",
        "/api/v1/orders/../../etc/passwd%00",
        "/metrics/x",
        "/%ff",
        &format!("/api/v1/orders/{id}/steal"),
        &format!("/api/v1/orders/{id}/pay/twice"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "BREW"] {
            let answer = edge.client.send(method, path, &[], None).await?;
            answer.problem(404, "not_found").with_context(|| format!("{method} {path}"))?;
        }
    }
    for (path, allowed) in ROUTES {
        let path = path.replace("{id}", &id.to_string());
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            if allowed.contains(&method) {
                continue;
            }
            let answer = edge.client.send(method, &path, &[JSON], Some(b"{}".to_vec())).await?;
            answer.problem(405, "method_not_allowed").with_context(|| format!("{method} {path}"))?;
            let told = answer.header("allow").unwrap_or_default().split(',').map(str::trim);
            let told: BTreeSet<&str> = told.filter(|method| *method != "HEAD").collect();
            ensure!(told == allowed.iter().copied().collect(), "{method} {path} allows {told:?}");
        }
    }
    ensure!(edge.stored().await?.head == 0);
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identifier_that_is_none_is_named_and_one_that_nobody_has_is_not_found() -> Result<()> {
    let edge = Edge::open_with(routes::with_promo).await?;
    let table = routes::all(&edge).await?;
    let before = edge.stored().await?;
    let good = |method: &str, path: &str| {
        let route = table.iter().find(|route| route.method == method && route.template() == path);
        route
            .map(|route| route.good.to_string().into_bytes())
            .with_context(|| format!("{method} {path}: no body"))
    };
    let stranger = Uuid::now_v7();
    for (path, methods) in ROUTES.iter().filter(|(path, _)| path.contains("{id}")) {
        for method in *methods {
            let body = if *method == "GET" { None } else { Some(good(method, path)?) };
            for id in ["7", "me", "%00", "%ff", "0190b5a0-0000-7000-8000-00000000000", "-1"] {
                let path = path.replace("{id}", id);
                let answer = edge.client.send(method, &path, &[JSON], body.clone()).await?;
                answer.problem(422, "invalid_parameter").with_context(|| format!("{method} {path}"))?;
                answer.rule("parameter", "id")?;
            }
            let path = path.replace("{id}", &stranger.to_string());
            let answer = edge.client.send(method, &path, &[JSON], body).await?;
            let code = match path.split('/').nth(3) {
                Some("orders") => "order_not_found",
                Some("kitchen") => "schedule_not_found",
                Some("payments") => "payment_not_found",
                Some("shipments") => "shipment_not_found",
                _ => "not_found",
            };
            answer.problem(404, code).with_context(|| format!("{method} {path}"))?;
        }
    }
    ensure!(edge.stored().await? == before);
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_that_breaks_a_rule_or_that_nobody_knows_is_named() -> Result<()> {
    let edge = Edge::open().await?;
    let unpaid = order::unpaid(order::delivery(""));
    edge.make("/api/v1/orders", &unpaid).await?;
    let before = edge.stored().await?;
    for (list, name, values) in PARAMETERS {
        for value in values {
            let path = format!("/api/v1/{list}?limit=1&{name}={value}");
            let path = if name == "limit" { format!("/api/v1/{list}?limit={value}") } else { path };
            let answer = edge.client.get(&path).await?;
            answer.problem(422, "invalid_parameter").with_context(|| path.clone())?;
            answer.rule("parameter", name).with_context(|| path.clone())?;
        }
    }
    for path in ["/api/v1/orders?status=paid&status=paid", "/api/v1/orders?limit=1&limit=2"] {
        let answer = edge.client.get(path).await?;
        answer.problem(422, "invalid_parameter").context(path)?;
        ensure!(answer.body["errors"][0]["rule"] == "must not be given more than once", "{}", answer.body);
    }
    let answer = edge.client.get("/api/v1/orders?a=1&b=2").await?;
    ensure!(
        answer.body["errors"].as_array().is_some_and(|all| all.len() == 2),
        "both are named: {}",
        answer.body
    );
    // Parameters have no place where something is written.
    let answer = edge.client.post("/api/v1/orders?after=1", &unpaid).await?;
    answer.problem(422, "invalid_parameter")?;
    answer.rule("parameter", "after")?;
    let header = [("if-none-match", "nonsense")];
    let id = Uuid::now_v7();
    let answer = edge.client.send("GET", &format!("/api/v1/orders/{id}"), &header, None).await?;
    answer.problem(422, "invalid_header")?;
    answer.rule("header", "if-none-match")?;
    ensure!(edge.stored().await? == before);
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_whole_number_is_a_limit_and_is_brought_into_range() -> Result<()> {
    let edge = Edge::open().await?;
    let unpaid = order::unpaid(order::delivery(""));
    for _ in 0..3 {
        edge.make("/api/v1/orders", &unpaid).await?;
    }
    let head = edge.stored().await?.head;
    let e36 = format!("1{}", "0".repeat(36));
    let cases = [("0", 1), ("-1", 1), ("1", 1), ("2", 2), ("3", 3), ("200", 3), ("201", 3), ("%2B2", 2)];
    let huge =
        [(e36.clone(), 3), (format!("-{e36}"), 1), (u64::MAX.to_string(), 3), (i64::MIN.to_string(), 1)];
    let cases = cases.map(|(limit, rows)| (limit.to_owned(), rows)).into_iter().chain(huge);
    for (limit, rows) in cases {
        for list in ["orders", "kitchen/schedules", "payments", "shipments", "sagas"] {
            let after = if list == "sagas" { String::new() } else { format!("&after={head}") };
            let page = edge.client.get(&format!("/api/v1/{list}?limit={limit}{after}")).await?.ok()?;
            if list == "orders" {
                let shown = page["orders"].as_array().map_or(0, Vec::len);
                ensure!(shown == rows, "limit {limit} gave {shown} rows");
            }
        }
    }
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_was_tampered_with_is_refused_wherever_it_was_touched() -> Result<()> {
    let edge = Edge::open().await?;
    let unpaid = order::unpaid(order::delivery(""));
    for _ in 0..2 {
        edge.make("/api/v1/orders", &unpaid).await?;
    }
    let head = edge.stored().await?.head;
    let page = edge.client.get(&format!("/api/v1/orders?limit=1&after={head}")).await?.ok()?;
    let cursor = page["next_cursor"].as_str().context("there is a second page")?;
    let with = async |cursor: &str| edge.client.get(&format!("/api/v1/orders?limit=1&cursor={cursor}")).await;
    let second = with(cursor).await?.ok()?;
    ensure!(
        second["orders"][0]["id"] != page["orders"][0]["id"] && second["next_cursor"].is_null(),
        "{second}"
    );

    let mut tampered: Vec<String> = (0..cursor.len())
        .map(|at| {
            let letter = if &cursor[at..=at] == "A" { "B" } else { "A" };
            format!("{}{letter}{}", &cursor[..at], &cursor[at + 1..])
        })
        .collect();
    tampered.extend([cursor[1..].to_owned(), cursor[..cursor.len() - 1].to_owned(), format!("{cursor}A")]);
    tampered.extend([
        format!("{cursor}{cursor}"),
        format!("{cursor}="),
        cursor.to_lowercase(),
        cursor.to_uppercase(),
    ]);
    for cursor in tampered {
        let answer = with(&cursor).await?;
        answer.problem(422, "invalid_parameter").with_context(|| cursor.clone())?;
        answer.rule("parameter", "cursor")?;
    }
    edge.close().await
}
