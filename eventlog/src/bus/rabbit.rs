//! RabbitMQ: one supervised connection for the process, the exchange that carries the log, and a queue for each
//! consumer group.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Batch;

/// How many messages wait for a group that is away, at most; then the oldest are dropped and the group heals
/// from the log.
const QUEUE_LENGTH: i64 = 2_000;
/// How often a message may come back before the broker drops it.
const DELIVERY_LIMIT: i64 = 10;
/// A queue that nobody has listened to for so long is removed, in milliseconds: its consumer was retired, or will
/// heal from the log. Seven days.
const QUEUE_EXPIRES: i64 = 7 * 24 * 3_600 * 1_000;
/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Why the broker did not do it.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// It said no, or the connection broke.
    #[error("the broker cannot be reached: {0}")]
    Broker(#[from] lapin::Error),
    /// It did not answer in time.
    #[error("the broker did not answer within {} s", ANSWER.as_secs())]
    Silent,
    /// It refused to take the message.
    #[error("the broker refused the message")]
    Refused,
    /// The batch cannot be written.
    #[error("the batch cannot be written as JSON: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// The broker. Cheap to clone: all clones share one connection, which is made again when it breaks.
#[derive(Clone)]
pub struct Bus {
    address: Arc<str>,
    exchange: ShortString,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").finish_non_exhaustive()
    }
}

impl Bus {
    /// A broker at an `amqp://` or `amqps://` address. The namespace keeps several logs on one broker apart:
    /// exchanges and queues begin with it. Nothing is connected yet.
    #[must_use]
    pub fn new(address: &str, namespace: &str) -> Self {
        let exchange = ShortString::from(format!("{namespace}.log"));
        Self { address: Arc::from(address), exchange, connection: Arc::default() }
    }

    /// A new channel, over a new connection if the last one broke.
    ///
    /// # Errors
    /// When the broker cannot be reached; the caller tries again.
    pub async fn channel(&self) -> Result<Channel, BusError> {
        let mut connection = self.connection.lock().await;
        // It stays in its place: whoever stops waiting for a channel must not take the connection along.
        connection.take_if(|open| !open.status().connected());
        let open = if let Some(open) = &*connection {
            open
        } else {
            let properties = ConnectionProperties::default().with_connection_name("spindle".into());
            connection.insert(in_time(Connection::connect(&self.address, properties)).await?)
        };
        in_time(open.create_channel()).await
    }

    /// Whether the broker answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), BusError> {
        let channel = self.channel().await?;
        in_time(channel.close(200, ShortString::from("ping"))).await
    }

    /// A channel that publishes batches.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn publisher(&self, log_id: Uuid) -> Result<Publisher, BusError> {
        let channel = self.channel().await?;
        in_time(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        self.declare_exchange(&channel).await?;
        Ok(Publisher { channel, exchange: self.exchange.clone(), log_id })
    }

    async fn declare_exchange(&self, channel: &Channel) -> Result<(), BusError> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        in_time(channel.exchange_declare(
            self.exchange.clone(),
            ExchangeKind::Fanout,
            options,
            FieldTable::default(),
        ))
        .await
    }

    /// Makes sure that a group has its queue; returns the queue's name.
    pub(super) async fn declare_queue(
        &self,
        channel: &Channel,
        group: &str,
    ) -> Result<ShortString, BusError> {
        self.declare_exchange(channel).await?;
        let name = self.queue_name(group);
        let mut arguments = FieldTable::default();
        let text = |value: &str| AMQPValue::LongString(value.into());
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(QUEUE_LENGTH));
        arguments.insert("x-overflow".into(), text("drop-head"));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
        arguments.insert("x-expires".into(), AMQPValue::LongLongInt(QUEUE_EXPIRES));
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        in_time(channel.queue_declare(name.clone(), options, arguments)).await?;
        in_time(channel.queue_bind(
            name.clone(),
            self.exchange.clone(),
            ShortString::from(""),
            QueueBindOptions::default(),
            FieldTable::default(),
        ))
        .await?;
        Ok(name)
    }

    /// Removes a group's queue with everything in it.
    pub(super) async fn delete_queue(&self, group: &str) -> Result<(), BusError> {
        let channel = self.channel().await?;
        in_time(channel.queue_delete(self.queue_name(group), QueueDeleteOptions::default())).await?;
        Ok(())
    }

    fn queue_name(&self, group: &str) -> ShortString {
        ShortString::from(format!("{}.{group}", self.exchange))
    }

    /// Closes the connection, so that the broker sees an end and not a loss.
    pub async fn close(&self) {
        if let Some(open) = self.connection.lock().await.take()
            && let Err(error) = in_time(open.close(200, ShortString::from("bye"))).await
        {
            tracing::debug!(%error, "the broker's connection was gone already");
        }
    }
}

/// Publishes batches, each confirmed.
#[derive(Debug)]
pub struct Publisher {
    channel: Channel,
    exchange: ShortString,
    log_id: Uuid,
}

impl Publisher {
    /// Publishes a batch and waits until the broker has it. `false`: it has it, and no queue wanted it.
    ///
    /// # Errors
    /// When the broker does not confirm; the channel is of no more use.
    pub async fn publish(&self, batch: &Batch) -> Result<bool, BusError> {
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type(ShortString::from("application/json"))
            .with_type(ShortString::from("spindle.log.batch.1"))
            .with_app_id(ShortString::from(self.log_id.to_string()))
            .with_message_id(ShortString::from(format!("{}-{}", batch.first(), batch.last())));
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let body = batch.encode()?;
        let confirm = in_time(self.channel.basic_publish(
            self.exchange.clone(),
            ShortString::from(""),
            options,
            &body,
            properties,
        ))
        .await?;
        match in_time(confirm).await? {
            Confirmation::Ack(returned) => Ok(returned.is_none()),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(BusError::Refused),
        }
    }
}

/// Waits for the broker, but not for ever.
pub(super) async fn in_time<T>(answer: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, BusError> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(BusError::Silent),
    }
}
