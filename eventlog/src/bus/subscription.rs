//! One group's ear on the bus: a task that connects, declares, listens, and begins again when anything breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backon::BackoffBuilder;
use futures_util::StreamExt;
use lapin::message::Delivery as Message;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::rabbit::{Bus, BusError, in_time};
use super::{Batch, Garbled};
use crate::retry;

/// How many messages may be on their way to the consumer.
const PREFETCH: u16 = 64;

/// How often in a row a queue may stay silent before it is taken for dead. Less may be a broker that is only slow,
/// and a queue that is deleted while it is being made can, on RabbitMQ 3.10, never be made again.
const SILENCES: u32 = 3;

/// A message with the means to say that it was dealt with.
#[derive(Debug)]
pub struct Delivery {
    /// What it carries.
    pub batch: Batch,
    message: Message,
}

impl Delivery {
    /// Tells the broker to forget the message, beside whatever else is done: nobody who stops waiting leaves it
    /// half told. If it fails the message comes again, and is seen to be old.
    pub fn done(self) {
        tokio::spawn(async move {
            if let Err(error) = self.message.ack(BasicAckOptions::default()).await {
                tracing::debug!(%error, "a message could not be acknowledged and will come again");
            }
        });
    }
}

/// Messages of one group. Dropping it ends the listening.
#[derive(Debug)]
pub struct Subscription {
    deliveries: mpsc::Receiver<Delivery>,
    connected: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Subscription {
    /// Listens for a group; connects by itself, again and again.
    #[must_use]
    pub fn start(bus: Bus, group: &str, log_id: Uuid) -> Self {
        let (sender, deliveries) = mpsc::channel(usize::from(PREFETCH));
        let connected = Arc::new(AtomicBool::new(false));
        let listener =
            Listener { bus, group: group.to_owned(), log_id, sender, connected: Arc::clone(&connected) };
        Self { deliveries, connected, task: tokio::spawn(listener.run()) }
    }

    /// Whether messages can be expected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// The next message. Waits for ever while the broker is away. Loses nothing when it is dropped.
    pub async fn next(&mut self) -> Delivery {
        match self.deliveries.recv().await {
            Some(delivery) => delivery,
            None => std::future::pending().await,
        }
    }

    /// The next message, if it is here already.
    pub fn try_next(&mut self) -> Option<Delivery> {
        self.deliveries.try_recv().ok()
    }
}

struct Listener {
    bus: Bus,
    group: String,
    log_id: Uuid,
    sender: mpsc::Sender<Delivery>,
    connected: Arc<AtomicBool>,
}

impl Listener {
    async fn run(self) {
        let mut delays = retry::reconnect().build();
        let mut told = String::new();
        let mut silences = 0;
        loop {
            let outcome = self.listen(&mut silences).await;
            if self.connected.swap(false, Ordering::AcqRel) {
                delays = retry::reconnect().build();
                told.clear();
            }
            let group = &self.group;
            let why = match outcome {
                Ok(()) => "the broker has cut it off".to_owned(),
                Err(error) => error.to_string(),
            };
            // Once for each reason: an outage is one piece of news, however often the broker is tried.
            if why == told {
                tracing::debug!(group, why, "{group} still does not hear the broker: {why}");
            } else {
                tracing::warn!(group, why, "{group} does not hear the broker and runs from the log: {why}");
                told = why;
            }
            tokio::time::sleep(delays.next().unwrap_or_default()).await;
        }
    }

    /// Listens until the queue, the channel or the connection is gone. Counts how often in a row the queue is silent.
    async fn listen(&self, silences: &mut u32) -> Result<(), BusError> {
        let channel = self.bus.channel().await?;
        let mut consumer = match self.consume(&channel).await {
            // A queue that survived a crash of the broker only in name answers nobody and holds up every
            // publisher's confirms. Nothing in it is needed: the log has it all.
            Err(BusError::Silent) => {
                *silences += 1;
                if *silences >= SILENCES {
                    *silences = 0;
                    tracing::warn!(
                        group = self.group,
                        "the queue of {} does not answer and is removed",
                        self.group
                    );
                    self.bus.delete_queue(&self.group).await?;
                }
                return Err(BusError::Silent);
            }
            consumer => consumer?,
        };
        *silences = 0;
        self.connected.store(true, Ordering::Release);
        tracing::info!(group = self.group, "{} hears the broker", self.group);
        while let Some(message) = consumer.next().await {
            let message = message?;
            let foreign = message.properties.app_id().as_ref().map(ShortString::as_str)
                != Some(&self.log_id.to_string());
            match Batch::decode(&message.data) {
                Ok(batch) if !foreign => {
                    if self.sender.send(Delivery { batch, message }).await.is_err() {
                        return Ok(());
                    }
                }
                other => self.set_aside(other, foreign, &message).await,
            }
        }
        Ok(())
    }

    async fn consume(&self, channel: &Channel) -> Result<Consumer, BusError> {
        let queue = self.bus.declare_queue(channel, &self.group).await?;
        in_time(channel.basic_qos(PREFETCH, BasicQosOptions::default())).await?;
        in_time(channel.basic_consume(
            queue,
            ShortString::from(""),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        ))
        .await
    }

    /// A message of another log, or none at all: said, counted, and forgotten. The log has what is missing.
    async fn set_aside(&self, batch: Result<Batch, Garbled>, foreign: bool, message: &Message) {
        metrics::counter!("spindle_bus_messages_ignored_total", "group" => self.group.clone()).increment(1);
        let why = match batch {
            Err(error) => error.to_string(),
            Ok(_) if foreign => "it belongs to another log: two Spindles share one broker's vhost".to_owned(),
            Ok(_) => "it is not wanted".to_owned(),
        };
        tracing::warn!(group = self.group, why, "a message was ignored: {why}");
        if let Err(error) = message.ack(BasicAckOptions::default()).await {
            tracing::debug!(%error, "the ignored message will come again");
        }
    }
}
