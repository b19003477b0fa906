//! Why a command was not carried out.

use spindle_domain::refusal::Refusal;
use spindle_eventlog::{AppendError, LogError};

/// Why a command was not carried out. Except for [`CommandError::Unknown`], nothing of it was stored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// The domain says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller has seen an older version.
    #[error("version {expected} was expected, it is version {actual} now")]
    Stale {
        /// What the caller has seen.
        expected: i64,
        /// What it is.
        actual: i64,
    },
    /// The key was used for another command.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first command with this key is not answered yet.
    #[error("a request with this idempotency key is still being carried out")]
    KeyInFlight,
    /// Too much is waiting.
    #[error("too many commands are waiting; try again")]
    Busy,
    /// The log cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The log did not answer: it may or may not be stored.
    #[error("{0}; send it again under the same idempotency key")]
    Unknown(String),
    /// The aggregate's events cannot be read by this version.
    #[error("the stored events cannot be read: {0}")]
    Unreadable(String),
}

impl CommandError {
    /// Whether it is an answer to the command, and not the failure to find one.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Stale { .. })
    }

    /// Its name in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Stale { .. } => "stale",
            Self::KeyReused => "key_reused",
            Self::KeyInFlight => "key_in_flight",
            Self::Busy => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Unknown(_) => "unknown",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable(_) => Self::Unavailable(error.to_string()),
            LogError::Gap { .. } | LogError::Unreadable { .. } => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<AppendError> for CommandError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Unknown(_) => Self::Unknown(error.to_string()),
            AppendError::Busy | AppendError::Conflict | AppendError::Superseded => Self::Busy,
            AppendError::Unavailable(_) => Self::Unavailable(error.to_string()),
            AppendError::Claimed(_) => Self::KeyReused,
        }
    }
}
