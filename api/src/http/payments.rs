//! Payments. What the provider tells about them comes in by [`super::callback`].

mod body;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use spindle_domain::payment::{Payment, PaymentStage};
use spindle_domain::values::OrderId;
use spindle_projections::Payments;
use spindle_projections::queries::{Page, PaymentFilter};

use super::answer::{self, Resource};
use super::asked::Asked;
use super::path::Id;
use super::query::{FromParams, Params, Read};
use super::state::Shared;
use super::{callback, reading};
use crate::problem::Problem;

use body::{PaymentBody, RefundBody};

pub(super) const PATH: &str = "/payments";

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(find))
        .route("/callback", post(callback::hear))
        .route("/{id}", get(show))
        .route("/{id}/refund", post(refund))
}

async fn refund(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<RefundBody>,
) -> Result<Response, Problem> {
    let command = asked.body.command(id, asked.context.claim.as_ref());
    let done = app.dispatcher.execute::<Payment>(id, command, asked.context).await?;
    answer::done(StatusCode::ACCEPTED, &done)
}

async fn show(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    let row = reading::one(&app, Payments, id, read.after).await?.ok_or_else(Payment::missing)?;
    answer::one(&read.known, row.version, row.position, || PaymentBody::from(row))
}

async fn find(State(app): State<Shared>, read: Read<(Sought, Page)>) -> Result<Response, Problem> {
    reading::after::<Payments>(&app, read.after).await?;
    let (Sought(filter), page) = read.filter;
    let listed = app.queries.payments(&filter, page).await?;
    answer::page("payments", listed, PaymentBody::from)
}

/// Which payments.
struct Sought(PaymentFilter);

impl FromParams for Sought {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self(PaymentFilter {
            order: params.uuid("order")?.map(OrderId),
            stage: params.value::<PaymentStage>("stage")?,
            since: params.time("since")?,
            until: params.time("until")?,
        }))
    }
}
