//! Bodies that nobody thought of: made at random, always the same ones.

#![expect(clippy::expect_used, reason = "what a test makes itself it may count on")]

use anyhow::{Context, Result, ensure};
use harness::{Edge, eventually};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::faults::places;
use super::{JSON, ask, routes, shown};

/// How many requests are made.
const REQUESTS: usize = 500;

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.throw() % u64::try_from(limit.max(1)).expect("small")).expect("smaller")
    }

    fn one<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn text(&mut self) -> String {
        let known = [
            "",
            " ",
            "latte",
            "soup",
            "EUR",
            "big",
            "tok_ok",
            "main",
            "delivery",
            "bob",
            "\0",
            "\u{7}",
            "💥",
            "ä\u{301}",
            "\u{202e}",
            "' or 1=1 --",
            "../..",
            "%00",
            "null",
            "2999-05-01T12:00:00Z",
            "ada@example.com",
            "0190b5a0-0000-7000-8000-000000000001",
            "customer_request",
            "\u{feff}",
            "\\u0000",
            "{}",
            "\u{10ffff}",
        ];
        match self.below(8) {
            0 => "é".repeat(self.below(3_000)),
            1 => (0..self.below(12))
                .filter_map(|_| char::from_u32(u32::try_from(self.below(0x2_0000)).ok()?))
                .collect(),
            _ => self.one(&known).to_owned(),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 8 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(5)),
            3 => self.one(&[
                json!(-1),
                json!(i64::MIN),
                json!(i64::MAX),
                json!(u64::MAX),
                json!(1_000_000),
                json!(1_000_001),
            ]),
            4 => self.one(&[
                json!(0.5),
                json!(-0.0),
                json!(1e36),
                json!(-1e36),
                json!(f64::MAX),
                json!(5e-324),
                json!(90.0),
            ]),
            5..=7 => json!(self.text()),
            8 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object(self.fields(depth)),
        }
    }

    fn fields(&mut self, depth: usize) -> Map<String, Value> {
        let names = [
            "lines", "contact", "name", "amount", "currency", "reason", "courier", "items", "product",
            "quantity",
        ];
        (0..self.below(4))
            .map(|_| {
                let name = if self.below(4) == 0 { self.text() } else { self.one(&names).to_owned() };
                (name, self.value(depth - 1))
            })
            .collect()
    }

    /// A good body with a few places changed.
    fn change(&mut self, good: &Value) -> Value {
        let mut body = good.clone();
        for _ in 0..=self.below(3) {
            let places = places(&body);
            if places.is_empty() {
                return Value::Object(self.fields(3));
            }
            let place = self.one(&places);
            let (parent, field) = place.rsplit_once('/').expect("a pointer");
            let field = field.replace("~1", "/").replace("~0", "~");
            let other = self.value(2);
            match body.pointer_mut(parent) {
                Some(Value::Object(map)) if self.below(4) == 0 => drop(map.remove(&field)),
                Some(Value::Object(map)) => drop(map.insert(field, other)),
                Some(Value::Array(list)) if self.below(4) == 0 => list.push(other),
                Some(Value::Array(list)) => {
                    let at: usize = field.parse().expect("an index");
                    list[at] = other;
                }
                _ => unreachable!("a place has a parent"),
            }
        }
        body
    }

    /// A body: changed, made up, or broken.
    fn body(&mut self, good: &Value) -> Vec<u8> {
        let mut bytes = match self.below(10) {
            0 => self.value(4).to_string().into_bytes(),
            _ => self.change(good).to_string().into_bytes(),
        };
        if self.below(8) == 0 && !bytes.is_empty() {
            let at = self.below(bytes.len());
            bytes[at] = u8::try_from(self.below(256)).expect("a byte");
        }
        bytes
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_breaks_the_server_a_view_or_the_log() -> Result<()> {
    let edge = Edge::open_with(routes::with_promo).await?;
    let table = routes::all(&edge).await?;
    let mut dice = Dice(0x5917_d1e5);
    let (mut taken, mut refused) = (0, 0);
    for number in 0..REQUESTS {
        let route = &table[dice.below(table.len())];
        let body = dice.body(&route.good);
        let before = edge.stored().await?;
        let answer = ask(&edge, route, &Uuid::new_v4().to_string(), &[JSON], &body).await?;
        let context = || format!("request {number}: {}", shown(route, &body));
        if (200..300).contains(&answer.status) {
            taken += 1;
            continue;
        }
        refused += 1;
        ensure!((400..500).contains(&answer.status), "{}: {answer:?}", context());
        let code =
            answer.body["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).map(str::to_owned);
        answer.problem(answer.status, &code.with_context(context)?).with_context(context)?;
        if answer.body["type"] == "/problems/invalid_body" {
            let fault = &answer.body["errors"][0];
            ensure!(
                fault["pointer"].is_string() && fault["rule"].is_string(),
                "{}: {}",
                context(),
                answer.body
            );
        }
        ensure!(edge.stored().await? == before, "{}: refused, and yet stored", context());
    }
    ensure!(taken >= 25 && refused >= 250, "{taken} taken and {refused} refused: too few to mean anything");

    let head = edge.stored().await?.head;
    eventually("every view has seen everything", async || {
        let report = edge.client.get("/readyz").await.ok()?.body;
        let consumers = report["consumers"].as_object()?.values();
        let done = consumers.clone().count() >= 5
            && consumers.clone().all(|one| one["lag"] == 0 && one["parked"] == 0);
        done.then_some(())
    })
    .await?;
    let log = edge.database.log();
    let report = log.check().await?;
    ensure!(report.faults().is_empty() && report.head == head, "{:?}", report.faults());
    for name in spindle_projections::names() {
        let differences = spindle_projections::compare(&log, name).await?;
        ensure!(differences.is_empty(), "{name} differs from a fold of the log: {differences:?}");
    }
    for list in ["orders", "kitchen/schedules", "payments", "shipments"] {
        edge.client.all(&format!("/api/v1/{list}"), list.rsplit('/').next().expect("a name")).await?;
    }
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_question_breaks_the_server() -> Result<()> {
    let edge = Edge::open_with(routes::with_promo).await?;
    routes::all(&edge).await?;
    let before = edge.stored().await?;
    let mut dice = Dice(0x0dd_ba11);
    // What each list can be asked, and with what.
    let page = [("limit", "3"), ("after", "1")];
    let lists: [(&str, &[(&str, &str)]); 5] = [
        (
            "orders",
            &[("status", "created"), ("cancelled", "true"), ("q", "ada"), ("since", "2026-05-01T12:00:00Z")],
        ),
        ("kitchen/schedules", &[("stage", "pending"), ("progress", "false"), ("location", "main")]),
        ("payments", &[("stage", "captured"), ("until", "2999-05-01T12:00:00Z")]),
        ("shipments", &[("courier", "bob"), ("order", "0190b5a0-0000-7000-8000-000000000001")]),
        ("sagas", &[("status", "running")]),
    ];
    let (mut answered, mut refused) = (0, 0);
    for number in 0..REQUESTS {
        let (list, own) = dice.one(&lists);
        let known = if list == "sagas" { own.to_vec() } else { [own, &page[..]].concat() };
        let mut query = Vec::new();
        for _ in 0..=dice.below(2) {
            let (name, good) = dice.one(&known);
            let name = if dice.below(10) == 0 { dice.text() } else { name.to_owned() };
            let value = match dice.below(6) {
                0 => vec![u8::try_from(dice.below(256))?; dice.below(4)],
                1 => dice.text().chars().take(150).collect::<String>().into_bytes(),
                _ => good.as_bytes().to_vec(),
            };
            let escaped = |bytes: &[u8]| {
                let digits = bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>();
                if digits.is_empty() { String::new() } else { format!("%{}", digits.join("%")) }
            };
            query.push(format!("{}={}", escaped(name.as_bytes()), escaped(&value)));
        }
        let path = format!("/api/v1/{list}?{}", query.join("&"));
        let answer = edge.client.get(&path).await?;
        if answer.status == 200 {
            answered += 1;
            continue;
        }
        refused += 1;
        let context = || format!("question {number}: {path}");
        answer.problem(422, "invalid_parameter").with_context(context)?;
        ensure!(answer.body["errors"][0]["parameter"].is_string(), "{}: {}", context(), answer.body);
    }
    ensure!(
        answered >= 50 && refused >= 200,
        "{answered} answered and {refused} refused: too few to mean anything"
    );
    ensure!(edge.stored().await? == before, "a question changed something");
    edge.close().await
}
