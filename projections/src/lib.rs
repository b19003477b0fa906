//! The read side: pure folds of the log into views, the tables that hold them, and the questions asked of them.
//!
//! **Invariant:** nothing here appends to the log, reaches a process or calls the outside world. A view is a
//! function of the log and of nothing else, so that it can be thrown away and folded again.

mod catalog;
mod decode;
mod folding;
pub mod kitchen_board;
pub mod order_summary;
pub mod order_timeline;
mod parked;
pub mod payments;
mod projection;
pub mod projector;
pub mod queries;
pub mod retry;
pub mod shipments;
mod store;
#[cfg(test)]
mod testing;
pub mod verify;

pub use catalog::{Name, compare, names, retry_parked, spawn_all};
pub use kitchen_board::{KitchenBoard, ScheduleView};
pub use order_summary::{OrderSummaries, OrderSummary};
pub use order_timeline::{OrderTimeline, OrderTimelines, TimelineEntry};
pub use payments::{PaymentView, Payments};
pub use projection::{FoldError, Held, Index, Projection, State};
pub use queries::Queries;
pub use shipments::{ShipmentView, Shipments};
