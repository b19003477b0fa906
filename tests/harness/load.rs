//! Clients under load that do not give up: each order has a key of its own, and is sent again under it until it is
//! answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::{Answer, Client};
use crate::order;
use crate::wait::{PATIENCE, eventually};

/// How often one order is sent at most.
const TRIES: usize = 20_000;

/// Customers at work.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    customers: JoinSet<Result<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicUsize,
    refused: AtomicUsize,
    /// By key: the first answer.
    orders: Mutex<BTreeMap<String, Value>>,
}

impl Load {
    /// Customers that order, one order after the other, from any of these servers in turn.
    #[must_use]
    pub fn start(urls: &[String], customers: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for number in 0..customers {
            let clients: Vec<Client> = urls.iter().map(|url| Client::new(url)).collect();
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                let mut round = number;
                while !shared.stop.load(Ordering::Relaxed) {
                    round += 1;
                    let body =
                        if round % 3 == 0 { order::pickup("tok_ok") } else { order::delivery("tok_ok") };
                    shared.insist(&clients, &body).await?;
                }
                Ok(())
            });
        }
        Self { shared, customers: tasks }
    }

    /// How many orders are answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// How many requests were refused with 503.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Waits until so many more orders are answered.
    ///
    /// # Errors
    /// When they are not.
    pub async fn more(&self, orders: usize) -> Result<()> {
        let goal = self.answered() + orders;
        eventually(&format!("{orders} more orders are answered"), async || {
            (self.answered() >= goal).then_some(())
        })
        .await
    }

    /// Lets every customer finish, and returns the first answer to each key.
    ///
    /// # Errors
    /// When a customer got an answer that none should get.
    ///
    /// # Panics
    /// When a customer panicked.
    pub async fn finish(mut self) -> Result<BTreeMap<String, Value>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(customer) = tokio::time::timeout(PATIENCE, self.customers.join_next()).await? {
            customer??;
        }
        Ok(std::mem::take(&mut *self.shared.orders.lock().expect("no customer panicked")))
    }
}

impl Shared {
    /// A customer orders again when the last order is paid: what is open at a time stays bounded.
    async fn watch(&self, clients: &[Client], id: &str) -> Result<()> {
        for attempt in 0..TRIES {
            let client = &clients[attempt % clients.len()];
            let paid = match client.get(&format!("/api/v1/orders/{id}/status")).await {
                Ok(Answer { status: 200, body, .. }) => body["status"] != "created",
                // Nobody answers: the next order will tell.
                _ => true,
            };
            if paid || self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        bail!("order {id} is never paid")
    }

    async fn insist(&self, clients: &[Client], body: &Value) -> Result<()> {
        let key = Uuid::new_v4().to_string();
        for attempt in 0..TRIES {
            let client = &clients[attempt % clients.len()];
            match client.post_as("/api/v1/orders", body, &key).await {
                Ok(Answer { status: 201, body, .. }) => {
                    let id = body["id"].as_str().unwrap_or_default().to_owned();
                    self.orders.lock().expect("no customer panicked").insert(key, body);
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return self.watch(clients, &id).await;
                }
                // A refusal that says to come again, or a server that is not there just now.
                Ok(answer) if answer.status == 503 || answer.status == 409 => {
                    ensure!(answer.header("retry-after").is_some(), "{} without Retry-After", answer.status);
                    ensure!(answer.body["type"].is_string(), "{}: {}", answer.status, answer.body);
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) => bail!("answered {}: {}", answer.status, answer.body),
                Err(_) => {}
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        bail!("never answered")
    }
}

/// Every order that was answered is in the log once, and nothing else is; a retry under its key gets the first
/// answer again.
///
/// # Errors
/// The first order of which that is not true.
pub async fn none_lost(
    client: &Client,
    database: &crate::services::Database,
    orders: &BTreeMap<String, Value>,
) -> Result<()> {
    let pool = database.pool().await?;
    let placed: Vec<String> =
        sqlx::query_scalar("select aggregate_id from events where event_type = 'order.placed' order by 1")
            .fetch_all(&pool)
            .await?;
    let mut answered: Vec<String> =
        orders.values().map(|body| body["id"].as_str().unwrap_or_default().to_owned()).collect();
    answered.sort();
    ensure!(placed == answered, "{} orders were answered, {} are in the log", answered.len(), placed.len());
    for (key, first) in orders.iter().take(50) {
        let pickup = first["fulfilment"]["type"] == "pickup";
        let body = if pickup { order::pickup("tok_ok") } else { order::delivery("tok_ok") };
        let again = client.post_as("/api/v1/orders", &body, key).await?;
        ensure!(again.status == 201 && again.body == *first, "key {key}: {first} became {}", again.body);
        ensure!(again.header("idempotent-replayed") == Some("true"), "key {key}: not marked as a replay");
    }
    Ok(())
}
