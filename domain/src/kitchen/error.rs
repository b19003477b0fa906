//! Why a kitchen schedule says no.

use crate::refusal::Kind;

use super::ScheduleStage;
use super::decide::{LONGEST_PRODUCT, MOST_ITEMS};

/// Why a kitchen schedule says no: the rule, with its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Nobody has put it on the board.
    #[error("there is no such schedule")]
    NotFound,
    /// It was taken off the board for good.
    #[error("the schedule was discarded")]
    Discarded,
    /// The name is taken by other work.
    #[error("schedule exists already and is {stage}: its name cannot be used for other work")]
    AlreadyScheduled {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// Nothing to cook for an order.
    #[error("a schedule for an order needs at least one item: only a walk-in may be empty")]
    NoItems,
    /// More than a board can show.
    #[error("{count} items are too many: a schedule holds at most {MOST_ITEMS}")]
    TooManyItems {
        /// How many.
        count: usize,
    },
    /// None of something.
    #[error("item {index} has a quantity of {quantity}: it must be 1 or more")]
    QuantityTooSmall {
        /// Which item, from 0.
        index: usize,
        /// How many.
        quantity: u64,
    },
    /// Something without a name.
    #[error("item {index} has no product: it must not be empty")]
    ProductEmpty {
        /// Which item, from 0.
        index: usize,
    },
    /// A name that no board can show.
    #[error("the product of item {index} has {length} characters: it may have at most {LONGEST_PRODUCT}")]
    ProductTooLong {
        /// Which item, from 0.
        index: usize,
        /// How many characters.
        length: usize,
    },
    /// A name that cannot be stored or shown.
    #[error("the product of item {index} contains a control character")]
    ProductUnprintable {
        /// Which item, from 0.
        index: usize,
    },
    /// Too late for other items.
    #[error("schedule is {stage}: only a pending schedule can be revised")]
    NotRevisable {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// Rejected or cancelled before.
    #[error("schedule is {stage}: only a pending schedule can be accepted")]
    NotAcceptable {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// Taken on before.
    #[error("schedule is {stage}: only a pending schedule can be rejected")]
    NotRejectable {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// Rejected or cancelled before.
    #[error("schedule is {stage}: only a pending or accepted schedule can be started")]
    NotStartable {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// Nobody cooks it.
    #[error("schedule is {stage}: only a schedule in progress can be finished")]
    NotFinishable {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// It is not cooked.
    #[error("schedule is {stage}: only a finished schedule can be collected")]
    NotCollectable {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// It is cooked.
    #[error("schedule is {stage}: only a schedule that is not finished can be cancelled")]
    NotCancellable {
        /// How far it is.
        stage: ScheduleStage,
    },
    /// Someone cooks it, or an order still needs it.
    #[error(
        "schedule is {stage}: a walk-in cannot be discarded in progress, an order's schedule only when it is \
         collected, rejected or cancelled"
    )]
    NotDiscardable {
        /// How far it is.
        stage: ScheduleStage,
    },
}

impl ScheduleError {
    /// The stable name of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "schedule_not_found",
            Self::Discarded => "schedule_discarded",
            Self::AlreadyScheduled { .. } => "schedule_already_exists",
            Self::NoItems => "no_items",
            Self::TooManyItems { .. } => "too_many_items",
            Self::QuantityTooSmall { .. } => "quantity_too_small",
            Self::ProductEmpty { .. } => "product_empty",
            Self::ProductTooLong { .. } => "product_too_long",
            Self::ProductUnprintable { .. } => "product_unprintable",
            Self::NotRevisable { .. } => "schedule_not_revisable",
            Self::NotAcceptable { .. } => "schedule_not_acceptable",
            Self::NotRejectable { .. } => "schedule_not_rejectable",
            Self::NotStartable { .. } => "schedule_not_startable",
            Self::NotFinishable { .. } => "schedule_not_finishable",
            Self::NotCollectable { .. } => "schedule_not_collectable",
            Self::NotCancellable { .. } => "schedule_not_cancellable",
            Self::NotDiscardable { .. } => "schedule_not_discardable",
        }
    }

    /// What sort of no.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound | Self::Discarded => Kind::NotFound,
            Self::NoItems
            | Self::TooManyItems { .. }
            | Self::QuantityTooSmall { .. }
            | Self::ProductEmpty { .. }
            | Self::ProductTooLong { .. }
            | Self::ProductUnprintable { .. } => Kind::Invalid,
            Self::AlreadyScheduled { .. }
            | Self::NotRevisable { .. }
            | Self::NotAcceptable { .. }
            | Self::NotRejectable { .. }
            | Self::NotStartable { .. }
            | Self::NotFinishable { .. }
            | Self::NotCollectable { .. }
            | Self::NotCancellable { .. }
            | Self::NotDiscardable { .. } => Kind::Conflict,
        }
    }
}
