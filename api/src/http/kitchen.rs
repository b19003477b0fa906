//! The kitchen's schedules.

mod body;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use spindle_commands::Context;
use spindle_domain::kitchen::{Schedule, ScheduleCommand, ScheduleStage, ScheduleStatus};
use spindle_domain::values::{LocationId, OrderId};
use spindle_projections::KitchenBoard;
use spindle_projections::queries::{Page, ScheduleFilter};
use uuid::Uuid;

use super::answer::{self, Resource};
use super::asked::{Asked, MayAsk, Nothing, Reason, WhyNot};
use super::path::Id;
use super::query::{FromParams, Params, Read};
use super::reading;
use super::state::{AppState, Shared};
use crate::problem::Problem;

use body::{AcceptBody, PlaceBody, ReviseBody, ScheduleBody, StatusBody};

pub(super) const PATH: &str = "/kitchen/schedules";

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", post(place).get(find))
        .route("/{id}", get(show).put(revise).delete(discard))
        .route("/{id}/status", get(status))
        .route("/{id}/accept", post(accept))
        .route("/{id}/reject", post(reject))
        .route("/{id}/start", post(start))
        .route("/{id}/finish", post(finish))
        .route("/{id}/collect", post(collect))
        .route("/{id}/cancel", post(cancel))
}

async fn place(State(app): State<Shared>, asked: Asked<PlaceBody>) -> Result<Response, Problem> {
    let command = asked.body.command(&app.location);
    let done = app.dispatcher.execute::<Schedule>(Uuid::now_v7(), command, asked.context).await?;
    answer::created(&format!("{}{PATH}", super::BASE), &done)
}

/// Asks a schedule, and answers with what it is then.
async fn ask(
    app: &AppState,
    id: Uuid,
    command: ScheduleCommand,
    context: Context,
) -> Result<Response, Problem> {
    let done = app.dispatcher.execute::<Schedule>(id, command, context).await?;
    answer::done(StatusCode::OK, &done)
}

async fn revise(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<ReviseBody>,
) -> Result<Response, Problem> {
    ask(&app, id, asked.body.command(), asked.context).await
}

async fn discard(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<Nothing>,
) -> Result<Response, Problem> {
    let done = app.dispatcher.execute::<Schedule>(id, ScheduleCommand::Discard, asked.context).await?;
    Ok(answer::gone(&done))
}

async fn accept(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<AcceptBody>,
) -> Result<Response, Problem> {
    ask(&app, id, asked.body.command(), asked.context).await
}

async fn reject(State(app): State<Shared>, Id(id): Id, asked: Asked<Reason>) -> Result<Response, Problem> {
    ask(&app, id, ScheduleCommand::Reject { reason: asked.body.reason }, asked.context).await
}

async fn start(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<Nothing>,
) -> Result<Response, Problem> {
    ask(&app, id, ScheduleCommand::Start, asked.context).await
}

async fn finish(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<Nothing>,
) -> Result<Response, Problem> {
    ask(&app, id, ScheduleCommand::Finish, asked.context).await
}

async fn collect(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<Nothing>,
) -> Result<Response, Problem> {
    ask(&app, id, ScheduleCommand::Collect, asked.context).await
}

async fn cancel(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<WhyNot>,
) -> Result<Response, Problem> {
    ask(&app, id, ScheduleCommand::Cancel { reason: asked.body.or_unsaid()? }, asked.context).await
}

async fn show(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    let row = reading::one(&app, KitchenBoard, id, read.after).await?.ok_or_else(Schedule::missing)?;
    answer::one(&read.known, row.version, row.position, || ScheduleBody::from(row))
}

async fn status(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    let row = reading::one(&app, KitchenBoard, id, read.after).await?.ok_or_else(Schedule::missing)?;
    answer::seen(row.position, &StatusBody::from(&row))
}

async fn find(State(app): State<Shared>, read: Read<(Sought, Page)>) -> Result<Response, Problem> {
    reading::after::<KitchenBoard>(&app, read.after).await?;
    let (Sought(filter), page) = read.filter;
    let listed = app.queries.schedules(&filter, page).await?;
    answer::page("schedules", listed, ScheduleBody::from)
}

/// Which schedules.
struct Sought(ScheduleFilter);

impl FromParams for Sought {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self(ScheduleFilter {
            status: params.value::<ScheduleStatus>("status")?,
            stage: params.value::<ScheduleStage>("stage")?,
            progress: params.flag("progress")?,
            since: params.time("since")?,
            until: params.time("until")?,
            order: params.uuid("order")?.map(OrderId),
            location: params.value::<LocationId>("location")?,
        }))
    }
}
