//! The broker, as somebody sees it who listens in.

use anyhow::{Result, ensure};
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use spindle_commands::process;
use spindle_eventlog::bus::Batch;

use crate::services::amqp_url;
use crate::wait::{PATIENCE, eventually_ok};
use crate::world::World;

/// Somebody who hears everything that goes over the broker.
#[derive(Debug)]
pub struct Spy {
    connection: Connection,
    channel: Channel,
    queue: ShortString,
    exchange: String,
}

impl Spy {
    /// Begins to listen: hears what is published from now on.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn on(shop: &World) -> Result<Self> {
        let connection = Connection::connect(&amqp_url()?, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let exchange = format!("{}.log", shop.config.amqp_namespace);
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let nothing = FieldTable::default;
        let (name, key) = (ShortString::from(exchange.as_str()), ShortString::from(""));
        channel.exchange_declare(name.clone(), ExchangeKind::Fanout, durable, nothing()).await?;
        let own = QueueDeclareOptions { exclusive: true, ..Default::default() };
        let queue = channel.queue_declare(key.clone(), own, nothing()).await?.name().clone();
        channel.queue_bind(queue.clone(), name, key, QueueBindOptions::default(), nothing()).await?;
        Ok(Self { connection, channel, queue, exchange })
    }

    /// Waits until every event up to a position has come as a message, none left out. What the broker did not
    /// confirm in time may come twice.
    ///
    /// # Errors
    /// When one is left out, or never comes.
    ///
    /// # Panics
    /// Never: positions are counted from 1.
    pub async fn heard_all_up_to(&self, head: i64) -> Result<()> {
        let mut next = 1;
        eventually_ok(&format!("the broker tells of all {head} events"), PATIENCE, async || {
            let no_ack = BasicGetOptions { no_ack: true };
            while let Some(message) = self.channel.basic_get(self.queue.clone(), no_ack).await? {
                let batch = Batch::decode(&message.delivery.data)?;
                let first = batch.first();
                assert!(first <= next, "the relay left {next} to {} out", first - 1);
                next = next.max(batch.last() + 1);
            }
            ensure!(next > head, "it has told of {}", next - 1);
            Ok(())
        })
        .await?;
        ensure!(next == head + 1, "it has told of {}, and there are only {head}", next - 1);
        Ok(())
    }

    /// Every consumer, with the name of its queue.
    fn queues(&self) -> Vec<(String, ShortString)> {
        let projections = spindle_projections::names().map(spindle_projections::Name::consumer);
        let groups = projections.into_iter().chain([process::NAME.to_owned()]);
        groups.map(|group| (group.clone(), format!("{}.{group}", self.exchange).into())).collect()
    }

    /// From now on the broker gives no consumer anything, and none of them can tell.
    ///
    /// # Errors
    /// When a consumer has no queue.
    pub async fn swallows_every_message(&self) -> Result<()> {
        for (_, queue) in self.queues() {
            let (exchange, key) = (ShortString::from(self.exchange.as_str()), ShortString::from(""));
            self.channel.queue_unbind(queue, exchange, key, FieldTable::default()).await?;
        }
        Ok(())
    }

    /// Every consumer has a queue of its own on the broker, listens there, and has taken what was in it.
    ///
    /// # Errors
    /// When one is not there, or leaves its messages lying.
    pub async fn sees_every_consumer_at_its_queue(&self) -> Result<()> {
        for (group, queue) in self.queues() {
            eventually_ok(&format!("{group} empties its queue"), PATIENCE, async || {
                // A channel that asks for a queue that is not there yet is closed.
                let channel = self.connection.create_channel().await?;
                let passive = QueueDeclareOptions { passive: true, ..Default::default() };
                let found = channel.queue_declare(queue.clone(), passive, FieldTable::default()).await?;
                ensure!(found.consumer_count() == 1 && found.message_count() == 0, "{found:?}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
