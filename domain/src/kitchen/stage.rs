//! How far a schedule is: as the kitchen sees it, and as the outside does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a schedule is, as the kitchen sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleStage {
    /// Not on the board.
    Unscheduled,
    /// On the board, nobody has taken it on.
    Pending,
    /// Taken on.
    Accepted,
    /// On the stove.
    InProgress,
    /// Cooked.
    Finished,
    /// Handed over.
    Collected,
    /// Not taken on.
    Rejected,
    /// Stopped.
    Cancelled,
    /// Off the board for good.
    Discarded,
}

/// How far a schedule is, as the outside sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleStatus {
    /// Nobody cooks yet.
    Pending,
    /// On the stove.
    Progress,
    /// Cooked, perhaps handed over.
    Finished,
    /// Never to be cooked.
    Cancelled,
}

impl ScheduleStage {
    /// The word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unscheduled => "unscheduled",
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::InProgress => "in_progress",
            Self::Finished => "finished",
            Self::Collected => "collected",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
        }
    }

    /// What the outside sees; nothing before it is on the board and after it was discarded.
    #[must_use]
    pub fn status(self) -> Option<ScheduleStatus> {
        match self {
            Self::Unscheduled | Self::Discarded => None,
            Self::Pending | Self::Accepted => Some(ScheduleStatus::Pending),
            Self::InProgress => Some(ScheduleStatus::Progress),
            Self::Finished | Self::Collected => Some(ScheduleStatus::Finished),
            Self::Rejected | Self::Cancelled => Some(ScheduleStatus::Cancelled),
        }
    }
}

impl fmt::Display for ScheduleStage {
    /// In words, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

impl ScheduleStatus {
    /// The word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Progress => "progress",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ScheduleStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
