//! Waiting for a projector, with an end.

use std::time::Duration;

use spindle_domain::values::{OrderId, PaymentId, ScheduleId, ShipmentId};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Behind, PATIENCE, Queries, QueryError, Row};
use crate::kitchen_board::{KitchenBoard, ScheduleView};
use crate::order_summary::{OrderSummaries, OrderSummary};
use crate::order_timeline::{OrderTimeline, OrderTimelines};
use crate::payments::{PaymentView, Payments};
use crate::projection::Projection;
use crate::shipments::{ShipmentView, Shipments};
use crate::store;

/// The first pause between two looks: a projector is usually behind by a few milliseconds.
const FIRST: Duration = Duration::from_millis(1);
/// The longest pause: beyond it a reader would notice the pause and not the projector.
const LONGEST: Duration = Duration::from_millis(25);

/// Pauses that double from [`FIRST`] to [`LONGEST`] until a deadline.
struct Patience {
    deadline: Instant,
    pause: Duration,
}

impl Patience {
    fn new(timeout: Option<Duration>) -> Self {
        Self { deadline: Instant::now() + timeout.unwrap_or(PATIENCE).min(PATIENCE), pause: FIRST }
    }

    /// Waits a little. `false`: there is no time left.
    async fn wait(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.deadline {
            return false;
        }
        tokio::time::sleep_until((now + self.pause).min(self.deadline)).await;
        self.pause = (self.pause * 2).min(LONGEST);
        true
    }
}

impl Queries {
    /// A view that shows at least what its own stream held when the question came. One query when the projector
    /// is not behind, which is the rule. None when there is none or it is discarded.
    ///
    /// # Errors
    /// [`QueryError::Behind`] when the projector does not catch up within `timeout`, at most [`PATIENCE`], which
    /// is also what no timeout means; [`QueryError::Parked`] when it will not catch up before an operator acts.
    pub async fn fresh<P: Projection>(
        &self,
        projection: P,
        id: Uuid,
        timeout: Option<Duration>,
    ) -> Result<Option<Row<P::View>>, QueryError> {
        let mut patience = Patience::new(timeout);
        let mut wanted = None;
        loop {
            let found = store::find_with_head::<P>(self.log.pool(), id).await?;
            let wanted = *wanted.get_or_insert(found.head);
            let at = found.row.as_ref().map_or(0, |row| row.version);
            if at >= wanted {
                return Ok(found.row.filter(|row| !projection.is_discarded(&row.view)));
            }
            if let Some((position, reason)) = found.parked {
                return Err(QueryError::Parked {
                    consumer: P::consumer(),
                    key: id.to_string(),
                    position,
                    reason,
                });
            }
            if !patience.wait().await {
                return Err(Behind { consumer: P::consumer(), at, wanted }.into());
            }
        }
    }

    /// [`Queries::fresh`] for an order.
    ///
    /// # Errors
    /// As there.
    pub async fn fresh_order(
        &self,
        id: OrderId,
        timeout: Option<Duration>,
    ) -> Result<Option<Row<OrderSummary>>, QueryError> {
        self.fresh(OrderSummaries, id.0, timeout).await
    }

    /// [`Queries::fresh`] for an order's timeline.
    ///
    /// # Errors
    /// As there.
    pub async fn fresh_timeline(
        &self,
        id: OrderId,
        timeout: Option<Duration>,
    ) -> Result<Option<Row<OrderTimeline>>, QueryError> {
        self.fresh(OrderTimelines, id.0, timeout).await
    }

    /// [`Queries::fresh`] for a schedule.
    ///
    /// # Errors
    /// As there.
    pub async fn fresh_schedule(
        &self,
        id: ScheduleId,
        timeout: Option<Duration>,
    ) -> Result<Option<Row<ScheduleView>>, QueryError> {
        self.fresh(KitchenBoard, id.0, timeout).await
    }

    /// [`Queries::fresh`] for a payment.
    ///
    /// # Errors
    /// As there.
    pub async fn fresh_payment(
        &self,
        id: PaymentId,
        timeout: Option<Duration>,
    ) -> Result<Option<Row<PaymentView>>, QueryError> {
        self.fresh(Payments, id.0, timeout).await
    }

    /// [`Queries::fresh`] for a shipment.
    ///
    /// # Errors
    /// As there.
    pub async fn fresh_shipment(
        &self,
        id: ShipmentId,
        timeout: Option<Duration>,
    ) -> Result<Option<Row<ShipmentView>>, QueryError> {
        self.fresh(Shipments, id.0, timeout).await
    }

    /// Waits until a consumer of the log has come to a position, so that a list shows what was written there.
    ///
    /// # Errors
    /// [`QueryError::Behind`] when it does not come there within `timeout`, at most [`PATIENCE`], which is also
    /// what no timeout means.
    pub async fn wait_until(
        &self,
        consumer: &str,
        position: i64,
        timeout: Option<Duration>,
    ) -> Result<(), QueryError> {
        let mut patience = Patience::new(timeout);
        loop {
            let at = self.checkpoint(consumer).await?;
            if at >= position {
                return Ok(());
            }
            if !patience.wait().await {
                return Err(Behind { consumer: consumer.to_owned(), at, wanted: position }.into());
            }
        }
    }
}
