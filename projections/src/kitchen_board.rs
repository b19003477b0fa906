//! The kitchen's board: every schedule, for an order or for a walk-in.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use serde::{Deserialize, Serialize};
use spindle_domain::fact::{Fact, Recorded};
use spindle_domain::kitchen::{Schedule, ScheduleEvent, ScheduleStage, ScheduleStatus};
use spindle_domain::values::{Item, LocationId, Note, OrderId, ScheduleId};
use uuid::Uuid;

use crate::projection::{FoldError, Index, Projection, State};

/// A schedule, as the kitchen, its operators and clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleView {
    /// Its name.
    pub id: ScheduleId,
    /// The order that it is for; none for a walk-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The shop that cooks.
    pub location: LocationId,
    /// How far it is, as the outside sees it; for a discarded one, as it was last seen.
    pub status: ScheduleStatus,
    /// How far it is, as the kitchen sees it.
    pub stage: ScheduleStage,
    /// What to cook.
    pub items: Vec<Item>,
    /// When it was put on the board.
    pub scheduled_at: DateTime<Utc>,
    /// When it should be ready; as soon as possible if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
    /// When the kitchen said that it will be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_by: Option<DateTime<Utc>>,
    /// When cooking began, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When cooking was done, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Why it was rejected or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
    /// When something last happened to it, as recorded.
    pub updated_at: DateTime<Utc>,
    /// Whether it was taken off the board for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
}

/// The projection.
#[derive(Debug, Clone, Copy)]
pub struct KitchenBoard;

/// The stage that an event leads to; none when it changes no stage.
pub(crate) fn stage_after(event: &ScheduleEvent) -> Option<ScheduleStage> {
    match event {
        ScheduleEvent::Scheduled { .. } => Some(ScheduleStage::Pending),
        ScheduleEvent::Revised { .. } => None,
        ScheduleEvent::Accepted { .. } => Some(ScheduleStage::Accepted),
        ScheduleEvent::Rejected { .. } => Some(ScheduleStage::Rejected),
        ScheduleEvent::Started => Some(ScheduleStage::InProgress),
        ScheduleEvent::Finished => Some(ScheduleStage::Finished),
        ScheduleEvent::Collected => Some(ScheduleStage::Collected),
        ScheduleEvent::Cancelled { .. } => Some(ScheduleStage::Cancelled),
        ScheduleEvent::Discarded => Some(ScheduleStage::Discarded),
    }
}

impl ScheduleView {
    fn begin(id: ScheduleId, event: &ScheduleEvent, recorded: &Recorded) -> Result<Self, FoldError> {
        let ScheduleEvent::Scheduled { items, order, location, due, note, at } = event else {
            return Err(FoldError::NotBegun { event_type: recorded.event_type() });
        };
        Ok(Self {
            id,
            order_id: *order,
            location: location.clone(),
            status: ScheduleStatus::Pending,
            stage: ScheduleStage::Pending,
            items: items.clone(),
            scheduled_at: *at,
            due: *due,
            ready_by: None,
            started_at: None,
            finished_at: None,
            note: note.clone(),
            reason: None,
            updated_at: recorded.recorded_at,
            discarded: false,
        })
    }

    fn take(&mut self, event: &ScheduleEvent, at: DateTime<Utc>) {
        if let Some(stage) = stage_after(event) {
            self.stage = stage;
            self.status = stage.status().unwrap_or(self.status);
        }
        match event {
            ScheduleEvent::Revised { items } => self.items.clone_from(items),
            ScheduleEvent::Accepted { ready_by } => self.ready_by = Some(*ready_by),
            ScheduleEvent::Rejected { reason } | ScheduleEvent::Cancelled { reason } => {
                self.reason = Some(reason.clone());
            }
            ScheduleEvent::Started => self.started_at = Some(at),
            ScheduleEvent::Finished => self.finished_at = Some(at),
            ScheduleEvent::Discarded => self.discarded = true,
            ScheduleEvent::Scheduled { .. } | ScheduleEvent::Collected => {}
        }
        self.updated_at = at;
    }
}

impl Projection for KitchenBoard {
    const NAME: &'static str = "kitchen_board";
    const VERSION: u32 = 1;
    const STREAM: &'static str = Schedule::TYPE;
    const READS: &'static [&'static str] = &[Schedule::TYPE];
    type View = ScheduleView;
    type Memory = ();

    fn touches(&self, event: &Recorded) -> Option<Uuid> {
        match &event.fact {
            Fact::Kitchen(id, _) => Some(id.0),
            _ => None,
        }
    }

    fn fold(
        &self,
        id: Uuid,
        before: Option<State<ScheduleView>>,
        recorded: &Recorded,
    ) -> Result<Option<State<ScheduleView>>, FoldError> {
        let Fact::Kitchen(_, event) = &recorded.fact else { return Ok(before) };
        let view = match before {
            None => ScheduleView::begin(ScheduleId(id), event, recorded)?,
            Some(State { mut view, .. }) => {
                view.take(event, recorded.recorded_at);
                view
            }
        };
        Ok(Some(State { view, memory: () }))
    }

    fn index(&self, view: &ScheduleView) -> Index {
        Index { listed_at: (!view.discarded).then_some(view.scheduled_at), search: None }
    }

    fn is_discarded(&self, view: &ScheduleView) -> bool {
        view.discarded
    }
}

#[cfg(test)]
mod tests;
