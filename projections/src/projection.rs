//! What a projection is: a pure fold of events into views.
//!
//! **Invariant:** a projection knows no SQL, no clock and no other view than the one it is handed.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spindle_domain::fact::Recorded;
use uuid::Uuid;

/// A view as it is kept: what readers see, and what only the fold needs.
#[derive(Debug, Clone, PartialEq)]
pub struct State<View, Memory = ()> {
    /// What readers see.
    pub view: View,
    /// What the fold must remember and readers need not see.
    pub memory: Memory,
}

/// The state of a projection's views.
pub type Held<P> = State<<P as Projection>::View, <P as Projection>::Memory>;

/// Where a view stands among the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// What lists are sorted by, newest first; none: it stands in no list.
    pub listed_at: Option<DateTime<Utc>>,
    /// Where a text search looks, in lower case.
    pub search: Option<String>,
}

/// Why an event could not be folded into a view. The event is parked, and its view stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The view should exist by now.
    #[error("{event_type} came before anything that begins the view")]
    NotBegun {
        /// What came.
        event_type: String,
    },
    /// An event of the view's own stream is missing, or came twice.
    #[error("its sequence is {found}, but the view has seen {seen}")]
    OutOfOrder {
        /// The sequence of the event.
        found: i64,
        /// The sequence that the view has seen last.
        seen: i64,
    },
}

/// A pure fold of the log into views of one kind. An event touches one view at the most.
pub trait Projection: Copy + Send + Sync + 'static {
    /// Its name: lower-case letters and underscores, because it is part of a table's name.
    const NAME: &'static str;
    /// The version of its fold and of its view's shape: another version has another table and another checkpoint.
    const VERSION: u32;
    /// The type of the aggregate that a view is about: a view's version is that stream's sequence.
    const STREAM: &'static str;
    /// The types of the aggregates that it reads; events of others cannot change its views.
    const READS: &'static [&'static str];

    /// What readers see.
    type View: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// What the fold must remember and readers need not see; `()` where the view says it all.
    type Memory: Serialize + DeserializeOwned + Clone + Default + Send + Sync;

    /// The view that an event changes, if it changes one.
    fn touches(&self, event: &Recorded) -> Option<Uuid>;

    /// The view after an event. `None` removes it, or says that there is still nothing to show.
    ///
    /// # Errors
    /// [`FoldError`]: the event is parked and the view stays as it was.
    fn fold(
        &self,
        id: Uuid,
        before: Option<Held<Self>>,
        event: &Recorded,
    ) -> Result<Option<Held<Self>>, FoldError>;

    /// Where the view stands among the others.
    fn index(&self, _view: &Self::View) -> Index {
        Index::default()
    }

    /// Whether what the view is about is out of sight: its row stays, and reads answer that there is none.
    fn is_discarded(&self, _view: &Self::View) -> bool {
        false
    }

    /// Its name among the consumers of the log.
    #[must_use]
    fn consumer() -> String {
        format!("{}_v{}", Self::NAME, Self::VERSION)
    }
}
