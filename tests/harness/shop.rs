//! What customers, cooks, couriers and operators do in a shop by hand, and what is left of an order when it has
//! ended.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use spindle_domain::fulfillment::Fulfilment;
use spindle_domain::values::OrderId;
use sqlx::{Connection as _, PgConnection};

use crate::client::Answer;
use crate::wait::eventually;
use crate::world::World;
use crate::{Client, truth};

/// Who cancels, refunds and decides by hand.
pub const OPERATOR: &str = "operator:ann";

impl World {
    /// Places an order; returns its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn place(&self, order: &Value) -> Result<String> {
        let placed = self.client.post("/api/v1/orders", order).await?.ok()?;
        Ok(placed["id"].as_str().context("an order without an id")?.to_owned())
    }

    /// Pays an order with a token.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn pay(&self, order: &str, token: &str) -> Result<()> {
        let path = format!("/api/v1/orders/{order}/pay");
        self.client.post(&path, &json!({ "method": token })).await?.ok()?;
        Ok(())
    }

    /// Asks to cancel an order, as a customer or as somebody who is named.
    ///
    /// # Errors
    /// When the server cannot be reached; a refusal is an answer.
    pub async fn cancel(&self, order: &str, actor: Option<&str>) -> Result<Answer> {
        self.ask_as(actor, &format!("/api/v1/orders/{order}/cancel"), &json!({})).await
    }

    /// Posts as somebody who is named.
    ///
    /// # Errors
    /// When the server cannot be reached; a refusal is an answer.
    pub async fn ask_as(&self, actor: Option<&str>, path: &str, body: &Value) -> Result<Answer> {
        let key = uuid::Uuid::new_v4().to_string();
        let mut headers = vec![("content-type", "application/json"), ("idempotency-key", &key)];
        headers.extend(actor.map(|name| ("spindle-actor", name)));
        self.client.send("POST", path, &headers, Some(body.to_string().into_bytes())).await
    }

    /// Waits until an order is at a stage, and returns it.
    ///
    /// # Errors
    /// When it does not get there; shows where it stands.
    pub async fn staged(&self, order: &str, stage: &str) -> Result<Value> {
        let path = format!("/api/v1/orders/{order}");
        self.reaches(order, &path, &format!("order {order} to be {stage}"), |body| body["stage"] == stage)
            .await
    }

    /// Waits until an order is cancelled and everything is undone; it must have been for that reason.
    ///
    /// # Errors
    /// When it is not, or for another reason.
    pub async fn cancelled(&self, order: &str, reason: &str) -> Result<Value> {
        let ended = self.staged(order, "cancelled").await?;
        ensure!(ended["cancellation"]["reason"] == reason, "not {reason}: {ended}");
        Ok(ended)
    }

    /// Waits until the process of an order is as asked, and returns it.
    ///
    /// # Errors
    /// When it never is; shows it.
    pub async fn saga(&self, order: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        self.reaches(order, &format!("/api/v1/sagas/{order}"), what, holds).await
    }

    /// Waits until the order's payment that is its only one, or its last, is at a stage, and returns it.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn payment_at(&self, order: &str, stage: &str) -> Result<Value> {
        let path = format!("/api/v1/payments?order={order}");
        let what = format!("the payment of order {order} to be {stage}");
        let last = |body: &Value| {
            body["payments"].as_array().and_then(|all| all.iter().max_by_key(|row| age(row)).cloned())
        };
        let found =
            self.reaches(order, &path, &what, |body| last(body).is_some_and(|p| p["stage"] == stage)).await?;
        last(&found).context("no payment")
    }

    /// Does something in the kitchen about an order that is at a stage there.
    ///
    /// # Errors
    /// When it does not get to that stage, or is refused.
    pub async fn kitchen(&self, order: &str, stage: &str, verb: &str) -> Result<()> {
        let schedule = Fulfilment::schedule_of(OrderId(order.parse()?));
        let path = format!("/api/v1/kitchen/schedules/{schedule}");
        self.reaches(order, &path, &format!("the schedule to be {stage}"), |body| body["stage"] == stage)
            .await?;
        let body = if verb == "reject" { json!({ "reason": "out of milk" }) } else { json!({}) };
        self.client.post(&format!("{path}/{verb}"), &body).await?.ok()?;
        Ok(())
    }

    /// Cooks an order by hand until it is ready.
    ///
    /// # Errors
    /// When that does not come about.
    pub async fn cook(&self, order: &str) -> Result<()> {
        self.kitchen(order, "pending", "accept").await?;
        self.kitchen(order, "accepted", "start").await?;
        self.kitchen(order, "in_progress", "finish").await?;
        self.staged(order, "ready").await?;
        Ok(())
    }

    /// Does something as a courier about an order's n-th shipment that is at a stage.
    ///
    /// # Errors
    /// When it does not get to that stage, or is refused.
    pub async fn courier(&self, order: &str, number: usize, stage: &str, verb: &str) -> Result<()> {
        let shipment = Fulfilment::shipment_of(OrderId(order.parse()?), number);
        let path = format!("/api/v1/shipments/{shipment}");
        self.reaches(order, &path, &format!("shipment {number} to be {stage}"), |body| {
            body["stage"] == stage
        })
        .await?;
        self.client.post(&format!("{path}/{verb}"), &json!({ "courier": "bob" })).await?.ok()?;
        Ok(())
    }

    /// What happened to an order and for it, oldest first, up to now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn timeline(&self, order: &str) -> Result<Vec<Value>> {
        let after = self.head().await?;
        let body = self.client.get(&format!("/api/v1/orders/{order}/timeline?after={after}")).await?.ok()?;
        ensure!(body["omitted"].as_u64().unwrap_or(0) == 0, "the timeline is not whole");
        Ok(body["entries"].as_array().context("no entries")?.clone())
    }

    /// The types of what happened, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn story(&self, order: &str) -> Result<Vec<String>> {
        let entries = self.timeline(order).await?;
        Ok(entries.iter().filter_map(|entry| entry["event_type"].as_str().map(str::to_owned)).collect())
    }

    /// Whether each of these is what caused the next one: nothing was begun before the one before it was recorded.
    ///
    /// # Errors
    /// The first that another cause led to.
    pub async fn each_caused_the_next(&self, order: &str, steps: &[&str]) -> Result<()> {
        let timeline = self.timeline(order).await?;
        for (before, after) in steps.iter().zip(steps.iter().skip(1)) {
            let of = |step: &&str| {
                timeline.iter().filter(|entry| entry["event_type"] == **step).collect::<Vec<_>>()
            };
            let first = of(before);
            let caused = |entry: &&Value| first.iter().any(|cause| cause["event_id"] == entry["caused_by"]);
            ensure!(of(after).iter().any(caused), "{before} did not cause {after}: {timeline:?}");
        }
        Ok(())
    }

    /// To what stages an order's payments, schedules and shipments have come up to now, each oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn left(&self, order: &str) -> Result<Value> {
        let after = self.head().await?;
        let mut left = json!({});
        for (path, field) in
            [("payments", "payments"), ("kitchen/schedules", "schedules"), ("shipments", "shipments")]
        {
            let mut rows =
                self.client.all(&format!("/api/v1/{path}?order={order}&after={after}"), field).await?;
            rows.sort_by_key(age);
            left[field] = rows.iter().map(|row| row["stage"].clone()).collect();
        }
        Ok(left)
    }

    /// The log's last position.
    ///
    /// # Errors
    /// When the log cannot be asked.
    pub async fn head(&self) -> Result<i64> {
        let mut connection = PgConnection::connect_with(&self.database.options()).await?;
        let head =
            sqlx::query_scalar("select position from event_log_head").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(head)
    }

    /// The provider, as its customers and testers reach it.
    #[must_use]
    pub fn bank(&self) -> Client {
        Client::new(&self.provider.url())
    }

    /// The provider's own name for the payment of an order, once it knows it.
    ///
    /// # Errors
    /// When it never hears of it.
    pub async fn reference(&self, order: &str) -> Result<String> {
        eventually(&format!("the provider to hear of order {order}"), async || {
            let accounts = self.provider.accounts();
            accounts
                .into_iter()
                .find(|account| account.order_id.to_string() == order)
                .map(|account| account.id)
        })
        .await
    }

    /// Waits until all is quiet; then everything must be whole and every cent accounted for. Closes the shop.
    ///
    /// # Errors
    /// The first thing that is not as it should be.
    pub async fn ends_well(self) -> Result<()> {
        self.settle().await?;
        truth::whole(&self.database).await?;
        truth::money(&self.database, &self.provider.ledger()).await?;
        self.close().await
    }

    async fn reaches(
        &self,
        order: &str,
        path: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = Value::Null;
        let reached = eventually(what, async || {
            last = self.client.get(path).await.map(|answer| answer.body).unwrap_or_default();
            holds(&last).then(|| last.clone())
        })
        .await;
        match reached {
            Ok(body) => Ok(body),
            Err(error) => {
                let saga = self.client.get(&format!("/api/v1/sagas/{order}")).await.map(|answer| answer.body);
                bail!("{error:#}; it is {last}; its process: {saga:?}")
            }
        }
    }
}

/// Whether these steps are in a story in this order, whatever else happens between them.
///
/// # Errors
/// The first step that is not where it should be.
pub fn in_order(story: &[String], steps: &[&str]) -> Result<()> {
    let mut rest = story.iter();
    for step in steps {
        ensure!(rest.any(|seen| seen == step), "{step} is not in its place: {story:?}");
    }
    Ok(())
}

/// How often something happens in a story.
#[must_use]
pub fn times(story: &[String], step: &str) -> usize {
    story.iter().filter(|seen| *seen == step).count()
}

/// When something was made, for sorting; its name, which is made in order too, where that is told.
fn age(row: &Value) -> String {
    let when = ["created", "scheduled", "requested"].iter().find_map(|field| row[*field].as_str());
    when.unwrap_or_default().to_owned()
}
