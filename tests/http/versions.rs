//! `ETag`, `If-None-Match`, `If-Match`: a version has one body, and nobody overwrites what they have not seen.

use anyhow::{Context, Result, ensure};
use harness::{Answer, Edge};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{text, unpaid};

const ORDERS: &str = "/api/v1/orders";
const SCHEDULES: &str = "/api/v1/kitchen/schedules";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn write(edge: &Edge, method: &str, path: &str, if_match: &str, body: &Value) -> Result<Answer> {
    edge.client.send(method, path, &[JSON, ("if-match", if_match)], Some(body.to_string().into())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_caller_has_already_is_not_sent_again() -> Result<()> {
    let edge = Edge::open().await?;
    let order = format!("{ORDERS}/{}", edge.make(ORDERS, &unpaid()).await?);
    let schedule = format!("{SCHEDULES}/{}", edge.make(SCHEDULES, &json!({ "items": [] })).await?);
    let payment = format!("/api/v1/payments/{}", edge.captured().await?);
    let shipment = format!("/api/v1/shipments/{}", edge.shipment().await?);
    for path in [&order, &schedule, &payment, &shipment] {
        let whole = edge.client.get(path).await?;
        let tag = whole.header("etag").context("no ETag")?.to_owned();
        ensure!(whole.status == 200 && tag == format!("\"{}\"", whole.body["version"]), "{whole:?}");
        for known in [tag.clone(), format!("W/{tag}"), "*".into(), format!("\"x\", {tag}")] {
            let answer = edge.client.send("GET", path, &[("if-none-match", &known)], None).await?;
            ensure!(answer.status == 304 && answer.body.is_null(), "{known}: {answer:?}");
            ensure!(answer.header("etag") == Some(tag.as_str()), "{known}: {answer:?}");
        }
        for other in ["\"0\"", "\"x\"", "\"999\""] {
            let answer = edge.client.send("GET", path, &[("if-none-match", other)], None).await?;
            ensure!(answer.status == 200 && answer.body == whole.body, "{other}: {answer:?}");
        }
    }
    // News has another tag.
    let old = edge.client.get(&order).await?;
    let old = old.header("etag").context("no ETag")?;
    edge.client.post(&format!("{order}/cancel"), &json!({})).await?.ok()?;
    let answer = edge.client.send("GET", &order, &[("if-none-match", old)], None).await?;
    ensure!(answer.status == 200 && answer.body["status"] == "cancelled", "{answer:?}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_overwrites_a_version_that_they_have_not_seen() -> Result<()> {
    let edge = Edge::open().await?;
    let lines = json!({ "lines": [{ "sku": "cookie", "quantity": 1 }] });
    let items = json!({ "items": [{ "product": "bread" }] });
    let empty = json!({});
    // Each step is refused on another version, and done on its own, which makes the next one.
    let order = format!("{ORDERS}/{}", edge.make(ORDERS, &unpaid()).await?);
    let gone = format!("{ORDERS}/{}", edge.make(ORDERS, &unpaid()).await?);
    let schedule = format!("{SCHEDULES}/{}", edge.make(SCHEDULES, &json!({ "items": [] })).await?);
    let shipment = format!("/api/v1/shipments/{}", edge.shipment().await?);
    let payment = format!("/api/v1/payments/{}", edge.captured().await?);
    let steps: [(&str, &str, &str, &Value); 9] = [
        ("PUT", &order, "", &lines),
        ("POST", &order, "/pay", &json!({ "method": "tok_ok" })),
        ("POST", &order, "/cancel", &empty),
        ("DELETE", &gone, "", &empty),
        ("PUT", &schedule, "", &items),
        ("POST", &schedule, "/accept", &empty),
        ("POST", &schedule, "/start", &empty),
        ("POST", &shipment, "/assign", &json!({ "courier": "bob" })),
        ("POST", &payment, "/refund", &json!({ "reason": "cold" })),
    ];
    for (method, resource, verb, body) in steps {
        let path = format!("{resource}{verb}");
        let seen = edge.client.get(resource).await?.ok()?;
        let version = seen["version"].as_i64().context("no version")?;
        let before = edge.stored().await?;
        for stale in [version - 1, version + 1] {
            let refused = write(&edge, method, &path, &format!("\"{stale}\""), body).await?;
            let problem = refused.problem(412, "version_mismatch").context(path.clone())?;
            ensure!(problem["expected"] == stale && problem["actual"] == version, "{path}: {problem}");
        }
        ensure!(
            edge.client.get(resource).await?.body == seen && edge.stored().await? == before,
            "{path}: changed"
        );
        let done = write(&edge, method, &path, &format!("\"{version}\""), body).await?;
        ensure!((200..300).contains(&done.status), "{path}: {done:?}");
        let next: i64 = done.header("etag").context("no ETag")?.trim_matches('"').parse()?;
        ensure!(next > version, "{path}: {version} became {next}");
    }
    let finish = write(&edge, "POST", &format!("{schedule}/finish"), "*", &empty).await?;
    ensure!(finish.status == 200, "any version will do: {finish:?}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_have_seen_the_same_version_one_overwrites_it() -> Result<()> {
    let edge = Edge::open().await?;
    let path = format!("{ORDERS}/{}", edge.make(ORDERS, &unpaid()).await?);
    let mut racers = tokio::task::JoinSet::new();
    for quantity in 10..26 {
        let (client, path) = (edge.client.clone(), path.clone());
        let body = json!({ "lines": [{ "sku": "cookie", "quantity": quantity }] });
        racers.spawn(async move {
            client.send("PUT", &path, &[JSON, ("if-match", "\"1\"")], Some(body.to_string().into())).await
        });
    }
    let mut won = Vec::new();
    while let Some(answer) = racers.join_next().await {
        let answer = answer??;
        if answer.status == 200 {
            won.push(answer.body);
        } else {
            answer.problem(412, "version_mismatch")?;
        }
    }
    ensure!(won.len() == 1 && edge.client.get(&path).await?.ok()? == won[0], "{won:?}");
    ensure!(edge.events("order.revised").await? == 1);
    edge.close().await
}

/// Commands are answered from the aggregate, questions from the view: one version, one body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_answered_with_what_a_get_shows_at_that_version() -> Result<()> {
    let edge = Edge::open().await?;
    let check = async |method: &str, path: &str, body: &Value| -> Result<String> {
        let key = Uuid::new_v4().to_string();
        let headers = [JSON, ("idempotency-key", key.as_str())];
        let told = edge.client.send(method, path, &headers, Some(body.to_string().into())).await?;
        ensure!((200..300).contains(&told.status), "{method} {path}: {told:?}");
        let id = text(&told.body, "id")?.to_owned();
        let resource = match path.find(&id) {
            Some(at) => path[..at + id.len()].to_owned(),
            None => format!("{path}/{id}"),
        };
        let shown = edge.client.get(&resource).await?;
        ensure!(shown.status == 200 && shown.body == told.body, "{method} {path}: {told:?} reads {shown:?}");
        ensure!(shown.header("etag") == told.header("etag"), "{method} {path}: {told:?} reads {shown:?}");
        ensure!(shown.header("spindle-position") == told.header("spindle-position"), "{method} {path}");
        Ok(resource)
    };
    let mut whole = unpaid();
    for (field, value) in [
        ("customer_id", json!(Uuid::now_v7())),
        ("note", json!("no sugar")),
        ("currency", json!("EUR")),
        ("requested_for", json!("2999-05-01T12:00:00.123456789+02:00")),
    ] {
        whole[field] = value;
    }
    let order = check("POST", ORDERS, &whole).await?;
    check("PUT", &order, &json!({ "lines": [{ "sku": "cookie", "quantity": 1 }], "note": "warm" })).await?;
    check("POST", &format!("{order}/pay"), &json!({ "method": "tok_ok" })).await?;
    check("POST", &format!("{order}/cancel"), &json!({ "detail": "too late" })).await?;

    let items = json!([{ "product": "soup", "size": "big", "quantity": 2 }, { "product": "Brot & Käse" }]);
    let walk_in =
        json!({ "items": items, "note": "hot", "due": "2999-05-01T12:00:00.5Z", "location": "north" });
    let cooked = check("POST", SCHEDULES, &walk_in).await?;
    check("PUT", &cooked, &json!({ "items": [] })).await?;
    check("POST", &format!("{cooked}/accept"), &json!({ "ready_by": "2999-05-01T13:00:00Z" })).await?;
    for verb in ["start", "finish", "collect"] {
        check("POST", &format!("{cooked}/{verb}"), &json!({})).await?;
    }
    let rejected = check("POST", SCHEDULES, &walk_in).await?;
    check("POST", &format!("{rejected}/reject"), &json!({ "reason": "closing" })).await?;
    let cancelled = check("POST", SCHEDULES, &walk_in).await?;
    check("POST", &format!("{cancelled}/accept"), &json!({})).await?;
    check("POST", &format!("{cancelled}/cancel"), &json!({ "reason": "no bread" })).await?;

    let refund = json!({ "reason": "cold", "amount": { "amount": 1, "currency": "EUR" } });
    check("POST", &format!("/api/v1/payments/{}/refund", edge.captured().await?), &refund).await?;

    let bob = json!({ "courier": "bob" });
    let shipment = format!("/api/v1/shipments/{}", edge.shipment().await?);
    check("POST", &format!("{shipment}/assign"), &bob).await?;
    check("POST", &format!("{shipment}/unassign"), &json!({ "reason": "flat tyre" })).await?;
    check("POST", &format!("{shipment}/assign"), &bob).await?;
    let point = json!({ "courier": "bob", "latitude": 51.507_351_234_567_89, "longitude": -0.127_758_3 });
    check("POST", &format!("{shipment}/position"), &point).await?;
    check("POST", &format!("{shipment}/pick-up"), &bob).await?;
    check("POST", &format!("{shipment}/fail"), &json!({ "courier": "bob", "reason": "nobody there" }))
        .await?;
    check("POST", &format!("{shipment}/return"), &bob).await?;
    let shipment = format!("/api/v1/shipments/{}", edge.shipment().await?);
    for verb in ["assign", "pick-up"] {
        check("POST", &format!("{shipment}/{verb}"), &bob).await?;
    }
    check("POST", &format!("{shipment}/deliver"), &json!({ "courier": "bob", "proof": "code 7" })).await?;
    let shipment = format!("/api/v1/shipments/{}", edge.shipment().await?);
    check("POST", &format!("{shipment}/cancel"), &json!({})).await?;
    edge.close().await
}
