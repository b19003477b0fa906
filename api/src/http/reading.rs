//! Reads that show what was written.
//!
//! One resource is as fresh as its stream was when the question came; a list is as fresh as the position that the
//! caller names in `after`. **Invariant:** nothing stale is answered instead: who cannot wait any longer is told.

use spindle_projections::Projection;
use spindle_projections::queries::Row;
use uuid::Uuid;

use super::state::AppState;
use crate::problem::Problem;

/// Waits until a projection has come to a position.
///
/// # Errors
/// 422 when the log has no such position, 503 when the projection does not come there in time.
pub(super) async fn after<P: Projection>(app: &AppState, position: Option<i64>) -> Result<(), Problem> {
    let Some(position) = position else { return Ok(()) };
    let consumer = P::consumer();
    if app.queries.checkpoint(&consumer).await? >= position {
        return Ok(());
    }
    let head = app.log.head().await?;
    if position > head {
        return Err(Problem::parameter(
            "after",
            format!("must be a position of this log, which ends at {head}"),
        ));
    }
    Ok(app.queries.wait_until(&consumer, position, Some(app.limits.catch_up)).await?)
}

/// The view of one resource, once it shows what its stream holds now.
///
/// # Errors
/// As [`after`], and when the view does not come there in time or is parked.
pub(super) async fn one<P: Projection>(
    app: &AppState,
    projection: P,
    id: Uuid,
    position: Option<i64>,
) -> Result<Option<Row<P::View>>, Problem> {
    after::<P>(app, position).await?;
    Ok(app.queries.fresh(projection, id, Some(app.limits.catch_up)).await?)
}
