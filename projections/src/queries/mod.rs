//! The questions that are asked of views.
//!
//! One resource can be read *fresh*: not before its view has seen what its stream held when the question came.
//! Lists are as far as the projector is; who needs more waits for a position first.
//!
//! **Invariant:** no answer is partial: what cannot be read is an error, never an empty list.

mod cursor;
mod filters;
mod fresh;
mod list;
mod progress;

use std::time::Duration;

use spindle_domain::values::{OrderId, PaymentId, ScheduleId, ShipmentId};
use spindle_eventlog::EventLog;

pub use cursor::{BadCursor, Cursor};
pub use filters::{OrderFilter, PaymentFilter, ScheduleFilter, ShipmentFilter};
pub use list::{Listed, MAX_LIMIT, MAX_SEARCH, Page};
pub use progress::{MAX_PARKED_LISTED, ParkedEvent, ProjectionProgress};

use crate::kitchen_board::{KitchenBoard, ScheduleView};
use crate::order_summary::{OrderSummaries, OrderSummary};
use crate::order_timeline::{OrderTimeline, OrderTimelines};
use crate::payments::{PaymentView, Payments};
use crate::projection::Projection;
use crate::shipments::{ShipmentView, Shipments};
use crate::store;

/// How long a reader waits for a projector unless it says otherwise, and at the most: a projector is behind by
/// milliseconds, or something is wrong and the reader should hear it.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A view with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<View> {
    /// The view.
    pub view: View,
    /// The sequence of the last event of its own stream that is in it.
    pub version: i64,
    /// The position of the last event that is in it.
    pub position: i64,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The database said no or nothing.
    #[error("the views cannot be read: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// The projector did not catch up in time: ask again later.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// The view waits for an operator: an event of it could not be handled.
    #[error(
        "the view {key} of {consumer} stopped before position {position} and waits for an operator: {reason}"
    )]
    Parked {
        /// The projection, as a consumer of the log.
        consumer: String,
        /// The view.
        key: String,
        /// The first event that is not in it.
        position: i64,
        /// Why not.
        reason: String,
    },
    /// A stored view is not what this version writes.
    #[error("the view {id} in {table} is not readable: {why}")]
    Unreadable {
        /// Where.
        table: String,
        /// Which.
        id: uuid::Uuid,
        /// Why.
        why: String,
    },
    /// The text to search for breaks a rule: the asker's fault.
    #[error("the search text {0}")]
    BadSearch(String),
}

/// A consumer has not come as far as somebody needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{consumer} is behind: at {at}, not yet at {wanted}")]
pub struct Behind {
    /// Who.
    pub consumer: String,
    /// How far it is: a position in the log, or a version of the view.
    pub at: i64,
    /// How far it should be, in the same measure.
    pub wanted: i64,
}

/// Asks the views. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queries {
    log: EventLog,
}

impl Queries {
    /// Asks the views that stand beside this log.
    #[must_use]
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }

    /// An order as far as the projector is; none when it was never placed or is discarded.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn order(&self, id: OrderId) -> Result<Option<Row<OrderSummary>>, QueryError> {
        self.read(OrderSummaries, id.0).await
    }

    /// What happened to an order and for it; none when it was never placed or is discarded.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn timeline(&self, id: OrderId) -> Result<Option<Row<OrderTimeline>>, QueryError> {
        self.read(OrderTimelines, id.0).await
    }

    /// A schedule as far as the projector is; none when it was never made or is discarded.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn schedule(&self, id: ScheduleId) -> Result<Option<Row<ScheduleView>>, QueryError> {
        self.read(KitchenBoard, id.0).await
    }

    /// A payment as far as the projector is.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn payment(&self, id: PaymentId) -> Result<Option<Row<PaymentView>>, QueryError> {
        self.read(Payments, id.0).await
    }

    /// A shipment as far as the projector is.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn shipment(&self, id: ShipmentId) -> Result<Option<Row<ShipmentView>>, QueryError> {
        self.read(Shipments, id.0).await
    }

    /// Orders, newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn orders(&self, filter: &OrderFilter, page: Page) -> Result<Listed<OrderSummary>, QueryError> {
        list::list::<OrderSummaries>(self.log.pool(), &filter.conditions()?, page).await
    }

    /// Schedules, newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn schedules(
        &self,
        filter: &ScheduleFilter,
        page: Page,
    ) -> Result<Listed<ScheduleView>, QueryError> {
        list::list::<KitchenBoard>(self.log.pool(), &filter.conditions(), page).await
    }

    /// Payments, newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn payments(
        &self,
        filter: &PaymentFilter,
        page: Page,
    ) -> Result<Listed<PaymentView>, QueryError> {
        list::list::<Payments>(self.log.pool(), &filter.conditions(), page).await
    }

    /// Shipments, newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn shipments(
        &self,
        filter: &ShipmentFilter,
        page: Page,
    ) -> Result<Listed<ShipmentView>, QueryError> {
        list::list::<Shipments>(self.log.pool(), &filter.conditions(), page).await
    }

    /// A view of any projection as far as its projector is; none when there is none or it is discarded.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn read<P: Projection>(
        &self,
        projection: P,
        id: uuid::Uuid,
    ) -> Result<Option<Row<P::View>>, QueryError> {
        let row = store::find::<P>(self.log.pool(), id).await?;
        Ok(row.filter(|row| !projection.is_discarded(&row.view)))
    }
}
