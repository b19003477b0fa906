//! A shop in place of Spindle, for the tests of the crews: the few routes that they use, and strict about stages.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

#[derive(Default)]
struct Entry {
    stage: &'static str,
    order: Option<String>,
    courier: Option<String>,
}

#[derive(Default)]
struct Rooms {
    schedules: Mutex<BTreeMap<String, Entry>>,
    shipments: Mutex<BTreeMap<String, Entry>>,
    orders: Mutex<HashMap<String, Value>>,
    keys: Mutex<HashMap<String, String>>,
    failing: AtomicBool,
    reads: AtomicU64,
}

pub(super) struct Shop {
    rooms: Arc<Rooms>,
    changes: watch::Sender<u64>,
    url: String,
}

type Shared = State<(Arc<Rooms>, watch::Sender<u64>)>;

impl Shop {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (rooms, changes) = (Arc::new(Rooms::default()), watch::Sender::new(0));
        let state = (Arc::clone(&rooms), changes.clone());
        let router = Router::new()
            .route("/api/v1/kitchen/schedules", get(schedules))
            .route("/api/v1/kitchen/schedules/{id}/{verb}", post(cook))
            .route("/api/v1/shipments", get(shipments))
            .route("/api/v1/shipments/{id}/{verb}", post(carry))
            .route("/api/v1/orders/{id}", get(order))
            .layer(middleware::from_fn_with_state(state.clone(), fail_at_times))
            .with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { rooms, changes, url }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// Every third read fails, and the first answer to every write is lost: it is carried out all the same.
    pub(super) fn fail_at_times(&self) {
        self.rooms.failing.store(true, Ordering::Relaxed);
    }

    /// How many keys were used.
    pub(super) fn keys(&self) -> usize {
        self.rooms.keys.lock().unwrap().len()
    }

    pub(super) fn schedule(&self, id: &str, fulfilment: Option<&str>) {
        let order = fulfilment.map(|kind| {
            let order = format!("order-of-{id}");
            let value = json!({ "stage": "in_kitchen", "fulfilment": { "type": kind } });
            self.rooms.orders.lock().unwrap().insert(order.clone(), value);
            order
        });
        let entry = Entry { stage: "pending", order, courier: None };
        self.rooms.schedules.lock().unwrap().insert(id.into(), entry);
    }

    pub(super) fn ship(&self, id: &str, order_stage: &str) {
        let order = format!("order-of-{id}");
        let entry = Entry { stage: "requested", order: Some(order), courier: None };
        self.order_is(id, order_stage);
        self.rooms.shipments.lock().unwrap().insert(id.into(), entry);
    }

    pub(super) fn order_is(&self, id: &str, stage: &str) {
        let order = json!({ "stage": stage, "fulfilment": { "type": "delivery" } });
        self.rooms.orders.lock().unwrap().insert(format!("order-of-{id}"), order);
    }

    pub(super) fn order_of(&self, id: &str) -> Option<String> {
        self.rooms.schedules.lock().unwrap()[id].order.clone()
    }

    pub(super) fn stage(&self, id: &str) -> &'static str {
        let find =
            |room: &Mutex<BTreeMap<String, Entry>>| room.lock().unwrap().get(id).map(|entry| entry.stage);
        find(&self.rooms.schedules).or_else(|| find(&self.rooms.shipments)).unwrap()
    }

    /// Waits until an entry has come to a stage.
    pub(super) async fn until(&self, id: &str, stage: &str) {
        let mut changes = self.changes.subscribe();
        let come = changes.wait_for(|_| self.stage(id) == stage);
        let come = tokio::time::timeout(Duration::from_secs(30), come).await.is_ok();
        assert!(come, "{id} stays {} and does not come to {stage}", self.stage(id));
    }
}

async fn fail_at_times(State((rooms, _)): Shared, request: Request, next: Next) -> Response {
    let is_write = request.method() == Method::POST;
    let keys = || rooms.keys.lock().unwrap().len();
    let before = keys();
    let response = next.run(request).await;
    let fails = if is_write {
        keys() > before
    } else {
        rooms.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(3)
    };
    if fails && rooms.failing.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    response
}

async fn schedules(State((rooms, _)): Shared, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    page("schedules", &rooms.schedules, &query["stage"], &query)
}

async fn shipments(State((rooms, _)): Shared, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    page("shipments", &rooms.shipments, &query["stage"], &query)
}

fn page(
    field: &str,
    room: &Mutex<BTreeMap<String, Entry>>,
    stage: &str,
    query: &HashMap<String, String>,
) -> Json<Value> {
    let limit: usize = query["limit"].parse().unwrap();
    let room = room.lock().unwrap();
    let after = query.get("cursor").map_or("", String::as_str);
    let mut rest = room.iter().filter(|(id, entry)| entry.stage == stage && id.as_str() > after);
    let entries: Vec<_> = rest
        .by_ref()
        .take(limit)
        .map(|(id, Entry { stage, order, courier })| {
            json!({ "id": id, "stage": stage, "status": "x", "order_id": order, "courier": courier, "more": {} })
        })
        .collect();
    let next = rest.next().and(entries.last()).map(|entry| entry["id"].clone());
    Json(json!({ field: entries, "next_cursor": next }))
}

async fn order(State((rooms, _)): Shared, Path(id): Path<String>) -> Response {
    let order = rooms.orders.lock().unwrap().get(&id).cloned();
    order.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |order| Json(order).into_response())
}

async fn cook(
    State((rooms, changes)): Shared,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> StatusCode {
    step(&rooms, &changes, &rooms.schedules, (&id, &verb), &headers, |stage| match (stage, verb.as_str()) {
        ("pending", "accept") if body["ready_by"].is_string() => Some("accepted"),
        ("pending", "reject") if body["reason"].is_string() => Some("rejected"),
        ("accepted", "start") => Some("in_progress"),
        ("in_progress", "finish") => Some("finished"),
        ("in_progress", "cancel") if body["reason"].is_string() => Some("cancelled"),
        ("finished", "collect") => Some("collected"),
        _ => None,
    })
}

async fn carry(
    State((rooms, changes)): Shared,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> StatusCode {
    let courier = body["courier"].as_str().map(str::to_owned);
    let assigned = rooms.shipments.lock().unwrap().get(&id).and_then(|entry| entry.courier.clone());
    if verb != "assign" && verb != "unassign" && courier != assigned {
        return StatusCode::FORBIDDEN;
    }
    let answer = step(&rooms, &changes, &rooms.shipments, (&id, &verb), &headers, |stage| {
        match (stage, verb.as_str()) {
            ("requested", "assign") => Some("assigned"),
            ("assigned", "unassign") => Some("requested"),
            ("assigned", "pick-up") => Some("picked_up"),
            ("picked_up", "position") if body["latitude"].is_number() => Some("picked_up"),
            ("picked_up", "deliver") if body["proof"].is_string() => Some("delivered"),
            ("picked_up", "fail") if body["reason"].is_string() => Some("delivery_failed"),
            ("delivery_failed", "return") => Some("returned"),
            _ => None,
        }
    });
    if verb == "assign" && answer.is_success() {
        rooms.shipments.lock().unwrap().entry(id).and_modify(|entry| entry.courier = courier);
    }
    answer
}

/// A step is taken once per key.
fn step(
    rooms: &Rooms,
    changes: &watch::Sender<u64>,
    room: &Mutex<BTreeMap<String, Entry>>,
    (id, verb): (&str, &str),
    headers: &HeaderMap,
    next: impl Fn(&str) -> Option<&'static str>,
) -> StatusCode {
    let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
        return StatusCode::BAD_REQUEST;
    };
    let what = format!("{id} {verb}");
    if let Some(first) = rooms.keys.lock().unwrap().insert(key.to_owned(), what.clone()) {
        return if first == what { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    }
    let mut room = room.lock().unwrap();
    let Some(entry) = room.get_mut(id) else { return StatusCode::NOT_FOUND };
    let Some(stage) = next(entry.stage) else { return StatusCode::CONFLICT };
    entry.stage = stage;
    drop(room);
    changes.send_modify(|count| *count += 1);
    StatusCode::OK
}
