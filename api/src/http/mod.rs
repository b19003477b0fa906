//! The HTTP edge: one file per resource, each with a `router()`, merged here. A handler extracts, dispatches and
//! answers; the rules are in the domain.
//!
//! **Invariant:** no answer but a problem document refuses anything: not one of the framework's own plain texts
//! gets out.

mod answer;
mod asked;
mod callback;
mod caller;
mod etag;
mod health;
mod idempotency;
mod json;
mod kitchen;
mod layers;
mod moment;
mod orders;
mod path;
mod payments;
mod query;
mod reading;
mod sagas;
mod shipments;
mod state;
#[cfg(test)]
mod tests;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tower_http::catch_panic::CatchPanicLayer;

pub use caller::Caller;
pub use state::{AppState, Limits};

use state::Shared;

/// Where the API lives.
pub const BASE: &str = "/api/v1";

/// Every route.
pub fn router(state: Arc<AppState>) -> Router {
    let limits = state.limits;
    let api = Router::<Shared>::new()
        .nest(orders::PATH, orders::router())
        .nest(kitchen::PATH, kitchen::router())
        .nest(payments::PATH, payments::router())
        .nest(shipments::PATH, shipments::router())
        .nest(sagas::PATH, sagas::router());
    let api = bounded(Router::new().nest(BASE, api), limits);
    // Outside the bounds: an overloaded process must still say that it lives.
    framed(api.merge(health::router())).with_state(state)
}

/// Bounds what requests may take: bytes, places, time.
fn bounded<S: Clone + Send + Sync + 'static>(routes: Router<S>, limits: Limits) -> Router<S> {
    let bounds = layers::Bounds::new(limits.in_flight, limits.time);
    routes
        .layer(DefaultBodyLimit::max(limits.body))
        .layer(middleware::from_fn_with_state(bounds, layers::bound))
}

/// What surrounds all routes: problems for what no route takes, the net for panics, the trace.
fn framed<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .fallback(layers::not_found)
        .method_not_allowed_fallback(layers::method_not_allowed)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(middleware::from_fn(layers::observe))
}
