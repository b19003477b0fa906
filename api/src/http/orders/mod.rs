//! Orders.

mod body;
mod price;
mod request;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use spindle_commands::{CommandError, Context, Done};
use spindle_domain::order::{Order, OrderCommand, Stage, Status};
use spindle_domain::pricing::Handover;
use spindle_domain::values::{CustomerId, LocationId};
use spindle_projections::queries::{OrderFilter, Page};
use spindle_projections::{OrderSummaries, OrderTimelines};
use uuid::Uuid;

use super::answer::{self, Resource};
use super::asked::{Asked, MayAsk, Nothing};
use super::path::Id;
use super::query::{FromParams, Params, Read};
use super::reading;
use super::state::{AppState, Shared};
use crate::problem::Problem;

use body::{OrderBody, StatusBody};
use price::Wanted;
use request::{CancelBody, PayBody, PlaceBody, ReviseBody};

pub(super) const PATH: &str = "/orders";

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", post(place).get(find))
        .route("/{id}", get(show).put(revise).delete(discard))
        .route("/{id}/pay", post(pay))
        .route("/{id}/cancel", post(cancel))
        .route("/{id}/status", get(status))
        .route("/{id}/timeline", get(timeline))
}

async fn place(State(app): State<Shared>, asked: Asked<PlaceBody>) -> Result<Response, Problem> {
    let Asked { mut body, context, .. } = asked;
    let fulfilment = body.fulfilment()?;
    let wanted = Wanted {
        lines: &body.lines,
        promo_code: body.promo_code.as_ref(),
        currency: body.currency,
        handover: Handover::from(&fulfilment),
    };
    let quote = match price::quote(&app, &wanted) {
        Ok(quote) => quote,
        Err(problem) => return answer::created(&address(), &first_answer(&app, context, problem).await?),
    };
    let command = body.command(quote, fulfilment, &app.location);
    let done = app.dispatcher.execute::<Order>(Uuid::now_v7(), command, context).await?;
    answer::created(&address(), &done)
}

async fn revise(
    State(app): State<Shared>,
    Id(id): Id,
    asked: Asked<ReviseBody>,
) -> Result<Response, Problem> {
    let Asked { body, context, .. } = asked;
    let (order, _) = app.dispatcher.load::<Order>(id).await?;
    let wanted = Wanted {
        lines: &body.lines,
        promo_code: body.promo_code.as_ref(),
        currency: body.currency,
        handover: order.fulfilment().map(Handover::from).ok_or_else(Order::missing)?,
    };
    let quote = match price::quote(&app, &wanted) {
        Ok(quote) => quote,
        Err(problem) => return answer::done(StatusCode::OK, &first_answer(&app, context, problem).await?),
    };
    let done = app.dispatcher.execute::<Order>(id, body.command(quote), context).await?;
    answer::done(StatusCode::OK, &done)
}

async fn discard(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<Nothing>,
) -> Result<Response, Problem> {
    let done = app.dispatcher.execute::<Order>(id, OrderCommand::Discard, asked.context).await?;
    Ok(answer::gone(&done))
}

async fn pay(State(app): State<Shared>, Id(id): Id, asked: Asked<PayBody>) -> Result<Response, Problem> {
    let done = app.dispatcher.execute::<Order>(id, asked.body.command(), asked.context).await?;
    answer::done(StatusCode::ACCEPTED, &done)
}

async fn cancel(
    State(app): State<Shared>,
    Id(id): Id,
    MayAsk(asked): MayAsk<CancelBody>,
) -> Result<Response, Problem> {
    let command = asked.body.command(asked.caller.party)?;
    let done = app.dispatcher.execute::<Order>(id, command, asked.context).await?;
    answer::done(StatusCode::OK, &done)
}

/// What was placed under a key once is answered again, even when there is no price for it any more: a promo code
/// runs out, a product is taken off the menu.
async fn first_answer(app: &AppState, context: Context, problem: Problem) -> Result<Done<Order>, Problem> {
    if context.claim.is_none() {
        return Err(problem);
    }
    // Nothing was ever placed under a new id, so this is refused, unless the key is known.
    let context = Context { expected_version: None, ..context };
    match app.dispatcher.execute::<Order>(Uuid::now_v7(), OrderCommand::MarkReady, context).await {
        Ok(done) => Ok(done),
        Err(CommandError::Refused(_)) => Err(problem),
        Err(error) => Err(error.into()),
    }
}

fn address() -> String {
    format!("{}{PATH}", super::BASE)
}

async fn show(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    let row = reading::one(&app, OrderSummaries, id, read.after).await?.ok_or_else(Order::missing)?;
    answer::one(&read.known, row.version, row.position, || OrderBody::from(row.view))
}

async fn status(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    let row = reading::one(&app, OrderSummaries, id, read.after).await?.ok_or_else(Order::missing)?;
    answer::seen(row.position, &StatusBody::from(&row.view))
}

async fn timeline(State(app): State<Shared>, Id(id): Id, read: Read<()>) -> Result<Response, Problem> {
    let row = reading::one(&app, OrderTimelines, id, read.after).await?.ok_or_else(Order::missing)?;
    answer::seen(row.position, &row.view)
}

async fn find(State(app): State<Shared>, read: Read<(Sought, Page)>) -> Result<Response, Problem> {
    reading::after::<OrderSummaries>(&app, read.after).await?;
    let (Sought(filter), page) = read.filter;
    let listed = app.queries.orders(&filter, page).await?;
    answer::page("orders", listed, |row| OrderBody::from(row.view))
}

/// Which orders.
struct Sought(OrderFilter);

impl FromParams for Sought {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self(OrderFilter {
            status: params.value::<Status>("status")?,
            stage: params.value::<Stage>("stage")?,
            cancelled: params.flag("cancelled")?,
            customer: params.uuid("customer")?.map(CustomerId),
            since: params.time("since")?,
            until: params.time("until")?,
            search: params.text("q")?,
            location: params.value::<LocationId>("location")?,
        }))
    }
}
