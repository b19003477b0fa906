//! Carries out what processes ask of the world outside.
//!
//! **Invariant:** an answer is never guessed. What certainly was not done is an [`EffectError`] and may be asked
//! again; what may or may not have been done is [`Outcome::Unknown`], and is looked up before anything else.
//! Every request carries a key made of the payment and the operation, so asking again never moves money twice.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use spindle_domain::fulfillment::{Effect, Outcome};
use spindle_domain::payment::Operation;

mod answer;
pub mod http;
pub mod wire;

use answer::Answer;
use http::{Endpoint, EndpointError, Patience};

/// The longest wait that a provider may ask for: a mistyped header must not stop a payment for a day.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Certainly not done, or a read that failed: the same request may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EffectError {
    /// What went wrong, as a sentence.
    pub message: String,
    /// How long to wait at least, where the provider said so; at most one hour.
    pub retry_after: Option<Duration>,
}

impl EffectError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry_after: None }
    }
}

/// Where the provider is, and how to speak with it.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Its address, such as `https://pay.example.com`.
    pub url: String,
    /// Sent as a bearer token.
    pub api_key: Option<String>,
    /// Where the provider may tell us later what it does not know at once.
    pub callback_url: Option<String>,
    /// How long to wait: by default 2 s for a connection, 10 s for an answer.
    pub patience: Patience,
}

/// Why a provider cannot be spoken with.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is of no use.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The key cannot be sent.
    #[error("the payment provider's key holds characters that cannot be sent in a header")]
    ApiKey,
}

/// A client of a payment provider. Cheap to clone: clones share connections.
#[derive(Debug, Clone)]
pub struct PaymentProvider(Inner);

#[derive(Debug, Clone)]
enum Inner {
    None { setting: String },
    Http { endpoint: Endpoint, authorization: Option<HeaderValue>, callback_url: Option<String> },
}

impl PaymentProvider {
    /// A client for the given provider. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SetupError`] when the address or the key is of no use.
    pub fn new(settings: ProviderSettings) -> Result<Self, SetupError> {
        let ProviderSettings { url, api_key, callback_url, patience } = settings;
        let endpoint = Endpoint::new(&url, patience)?;
        let authorization = api_key.map(|key| bearer(&key)).transpose()?;
        Ok(Self(Inner::Http { endpoint, authorization, callback_url }))
    }

    /// No provider: every call fails, naming the setting to set.
    #[must_use]
    pub fn none(setting: impl Into<String>) -> Self {
        Self(Inner::None { setting: setting.into() })
    }

    /// Carries out an effect, and says what came of it. Takes no longer than the settings' patience.
    ///
    /// # Errors
    /// [`EffectError`] when it certainly was not done, or when a look-up failed: the same effect may be tried again.
    pub async fn call(&self, effect: &Effect, traceparent: Option<&str>) -> Result<Outcome, EffectError> {
        let (endpoint, authorization, callback_url) = match &self.0 {
            Inner::None { setting } => {
                return Err(EffectError::new(format!("no payment provider is configured: set {setting}")));
            }
            Inner::Http { endpoint, authorization, callback_url } => (endpoint, authorization, callback_url),
        };
        let mut request = request(endpoint, effect, callback_url.clone());
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        // A trace context that cannot be sent costs a line in a trace, never a payment.
        if let Some(value) = traceparent.and_then(|text| HeaderValue::from_str(text).ok()) {
            request = request.header("traceparent", value);
        }
        match request.send().await {
            Ok(response) => answer::outcome(effect, &read(response).await),
            Err(error) => lost(effect, &error.without_url()),
        }
    }
}

fn bearer(key: &str) -> Result<HeaderValue, SetupError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| SetupError::ApiKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// No answer. Only a connection that never came about proves that nothing was done.
fn lost(effect: &Effect, error: &reqwest::Error) -> Result<Outcome, EffectError> {
    let said = http::chain(error);
    if error.is_builder() {
        return Err(EffectError::new(format!("the request cannot be made: {said}")));
    }
    if error.is_connect() {
        return Err(EffectError::new(format!("the payment provider cannot be reached: {said}")));
    }
    let why = if error.is_timeout() { "did not answer in time" } else { "broke the connection" };
    answer::unknown(effect, &format!("the payment provider {why}: {said}"))
}

async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    Answer { status, retry_after, body: http::body(response).await }
}

fn request(endpoint: &Endpoint, effect: &Effect, callback_url: Option<String>) -> RequestBuilder {
    let payments = ["v1", "payments"];
    let of = |reference: &str, verb: &str| endpoint.post(&["v1", "payments", reference, verb]);
    let request = match effect {
        Effect::Authorize { payment, order, amount, method } => {
            endpoint.post(&payments).json(&wire::AuthorizeRequest {
                reference: *payment,
                order_id: *order,
                amount: *amount,
                payment_method: method.as_str().to_owned(),
                callback_url,
            })
        }
        Effect::Capture { reference, amount, .. } => {
            of(reference, "capture").json(&wire::CaptureRequest { amount: *amount })
        }
        Effect::Void { reference, .. } => of(reference, "void"),
        Effect::Refund { refund, reference, amount, .. } => {
            of(reference, "refunds").json(&wire::RefundRequest { refund: *refund, amount: *amount })
        }
        Effect::LookUp { payment } => endpoint.get(&payments).query(&[("reference", payment.to_string())]),
    };
    match idempotency_key(effect) {
        Some(key) => request.header(wire::IDEMPOTENCY_KEY, key),
        None => request,
    }
}

/// The key under which the provider does an effect at most once; none for a read.
#[must_use]
pub fn idempotency_key(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Authorize { payment, .. } => Some(format!("{payment}:authorize")),
        Effect::Capture { payment, .. } => Some(format!("{payment}:capture")),
        Effect::Void { payment, .. } => Some(format!("{payment}:void")),
        Effect::Refund { payment, refund, .. } => Some(format!("{payment}:refund:{refund}")),
        Effect::LookUp { .. } => None,
    }
}

/// What an effect does at the provider; nothing for a read.
fn operation(effect: &Effect) -> Option<Operation> {
    match effect {
        Effect::Authorize { .. } => Some(Operation::Authorize),
        Effect::Capture { .. } => Some(Operation::Capture),
        Effect::Void { .. } => Some(Operation::Void),
        Effect::Refund { .. } => Some(Operation::Refund),
        Effect::LookUp { .. } => None,
    }
}

#[cfg(test)]
mod tests;
