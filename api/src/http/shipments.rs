//! Shipments.

mod body;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use spindle_commands::Context;
use spindle_domain::shipment::{Shipment, ShipmentCommand, ShipmentStage};
use spindle_domain::values::{CourierId, LocationId, OrderId};
use spindle_projections::Shipments;
use spindle_projections::queries::{Page, ShipmentFilter};
use uuid::Uuid;

use super::answer::{self, Resource};
use super::asked::{Asked, MayAsk, WhyNot};
use super::path::Id;
use super::query::{FromParams, Params, Read};
use super::reading;
use super::state::{AppState, Shared};
use crate::problem::Problem;

use body::{CourierBody, DeliverBody, FailBody, PositionBody, ShipmentBody};

pub(super) const PATH: &str = "/shipments";

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(find))
        .route("/{id}", get(show))
        .route("/{id}/assign", post(assign))
        .route("/{id}/unassign", post(unassign))
        .route("/{id}/pick-up", post(pick_up))
        .route("/{id}/position", post(position))
        .route("/{id}/deliver", post(deliver))
        .route("/{id}/fail", post(fail))
        .route("/{id}/return", post(bring_back))
        .route("/{id}/cancel", post(cancel))
}

/// Asks a shipment, and answers with what it is then.
async fn ask(
    app: &AppState,
    id: Uuid,
    command: ShipmentCommand,
    context: Context,
) -> Result<Response, Problem> {
    let done = app.dispatcher.execute::<Shipment>(id, command, context).await?;
    answer::done(StatusCode::OK, &done)
}

async fn assign(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<CourierBody>,
) -> Result<Response, Problem> {
    ask(&app, id, ShipmentCommand::Assign { courier: asked.body.courier }, asked.context).await
}

async fn unassign(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<WhyNot>,
) -> Result<Response, Problem> {
    ask(&app, id, ShipmentCommand::Unassign { reason: asked.body.reason }, asked.context).await
}

async fn pick_up(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<CourierBody>,
) -> Result<Response, Problem> {
    ask(&app, id, ShipmentCommand::PickUp { courier: asked.body.courier }, asked.context).await
}

async fn position(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<PositionBody>,
) -> Result<Response, Problem> {
    ask(&app, id, asked.body.command()?, asked.context).await
}

async fn deliver(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<DeliverBody>,
) -> Result<Response, Problem> {
    ask(&app, id, asked.body.command(), asked.context).await
}

async fn fail(State(app): State<Shared>, Id(id): Id, asked: Asked<FailBody>) -> Result<Response, Problem> {
    ask(&app, id, asked.body.command(), asked.context).await
}

async fn bring_back(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<CourierBody>,
) -> Result<Response, Problem> {
    ask(&app, id, ShipmentCommand::Return { courier: asked.body.courier }, asked.context).await
}

async fn cancel(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<WhyNot>,
) -> Result<Response, Problem> {
    ask(&app, id, ShipmentCommand::Cancel { reason: asked.body.or_unsaid()? }, asked.context).await
}

async fn show(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    let row = reading::one(&app, Shipments, id, read.after).await?.ok_or_else(Shipment::missing)?;
    answer::one(&read.known, row.version, row.position, || ShipmentBody::from(row))
}

async fn find(State(app): State<Shared>, read: Read<(Sought, Page)>) -> Result<Response, Problem> {
    reading::after::<Shipments>(&app, read.after).await?;
    let (Sought(filter), page) = read.filter;
    let listed = app.queries.shipments(&filter, page).await?;
    answer::page("shipments", listed, ShipmentBody::from)
}

/// Which shipments.
struct Sought(ShipmentFilter);

impl FromParams for Sought {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self(ShipmentFilter {
            stage: params.value::<ShipmentStage>("stage")?,
            courier: params.value::<CourierId>("courier")?,
            order: params.uuid("order")?.map(OrderId),
            since: params.time("since")?,
            until: params.time("until")?,
            location: params.value::<LocationId>("location")?,
        }))
    }
}
