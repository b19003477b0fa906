//! Processes: where the fulfilment of an order stands, and why.
//!
//! **Invariant:** nothing here changes a process. No answer has an `ETag`: why a process stands where it stands
//! depends on the moment, not only on its version.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use spindle_commands::process::NAME;
use spindle_commands::process::view::Listed;
use spindle_domain::fulfillment::Status;
use uuid::Uuid;

use super::answer;
use super::path::Id;
use super::query::{FromParams, Params, Read};
use super::state::{AppState, Shared};
use crate::problem::{Code, Problem};

pub(super) const PATH: &str = "/sagas";

pub(super) fn router() -> Router<Shared> {
    Router::new().route("/", get(find)).route("/{id}", get(show))
}

async fn find(State(app): State<Shared>, read: Read<Sought>) -> Result<Response, Problem> {
    after(&app, read.after).await?;
    let Sought { status, limit } = read.filter;
    let sagas = app.sagas.list(status.map(name), i64::from(limit)).await?;
    answer::json(StatusCode::OK, &Page { sagas })
}

async fn show(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    after(&app, read.after).await?;
    let shown = app.sagas.show(id, app.clock.now()).await?.ok_or_else(|| missing(id))?;
    answer::json(StatusCode::OK, &shown)
}

/// The processes that changed last, first.
#[derive(Debug, Serialize)]
struct Page {
    sagas: Vec<Listed>,
}

/// Which processes.
#[derive(Debug, PartialEq)]
struct Sought {
    status: Option<Status>,
    limit: u32,
}

impl FromParams for Sought {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self { status: params.value::<Status>("status")?, limit: params.limit()? })
    }
}

/// The name of a status, as it is stored.
fn name(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Compensating => "compensating",
        Status::Attention => "attention",
        Status::Completed => "completed",
        Status::Compensated => "compensated",
    }
}

fn missing(id: Uuid) -> Problem {
    Problem::new(Code::NotFound, format!("There is no process for order {id}."))
}

/// Waits until the process has seen a position.
async fn after(app: &AppState, position: Option<i64>) -> Result<(), Problem> {
    let Some(position) = position else { return Ok(()) };
    if app.queries.checkpoint(NAME).await? >= position {
        return Ok(());
    }
    let head = app.log.head().await?;
    if position > head {
        return Err(Problem::parameter(
            "after",
            format!("must be a position of this log, which ends at {head}"),
        ));
    }
    Ok(app.queries.wait_until(NAME, position, Some(app.limits.catch_up)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(query: &str) -> Result<Sought, Problem> {
        let mut params = Params::read(&format!("/sagas?{query}").parse().unwrap())?;
        let sought = Sought::take(&mut params)?;
        params.finish().map(|()| sought)
    }

    #[test]
    fn a_status_is_asked_for_by_the_name_that_is_stored() {
        use Status::{Attention, Compensated, Compensating, Completed, Running};
        for status in [Running, Compensating, Attention, Completed, Compensated] {
            assert_eq!(serde_json::json!(status), name(status));
            assert_eq!(sought(&format!("status={}", name(status))).unwrap().status, Some(status));
        }
    }

    #[test]
    fn what_no_process_can_be_is_refused_with_what_it_can_be() {
        let problem = sought("status=stuck").unwrap_err();
        assert_eq!(problem.code(), "invalid_parameter");
        assert!(problem.to_string().contains("attention"), "{problem}");
        assert_eq!(sought("limit=1000").unwrap().limit, 200);
        assert!(sought("order=1").is_err());
    }
}
