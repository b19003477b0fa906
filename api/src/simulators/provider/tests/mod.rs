//! The provider, seen through Spindle's own client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::Utc;
use reqwest::Client;
use rstest::rstest;
use serde_json::{Value, json};
use spindle_commands::effects::http::{Patience, plain_client};
use spindle_commands::effects::wire::{Callback, CallbackStatus, Status};
use spindle_commands::effects::{EffectError, PaymentProvider, ProviderSettings};
use spindle_domain::fulfillment::{Effect, Outcome};
use spindle_domain::payment::Operation;
use spindle_domain::values::{Currency, Money, OrderId, PaymentId, PaymentMethod, RefundId};
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use super::*;
use crate::signature;

mod callbacks;
mod money;

const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(1));
const ORDER: OrderId = OrderId(Uuid::from_u128(2));
const LOOK_UP: Effect = Effect::LookUp { payment: PAYMENT };

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn options() -> ProviderOptions {
    let secret = Secret::parse("a secret in plain words").unwrap();
    ProviderOptions { decide_after: None, ..ProviderOptions::new(secret) }
}

/// A provider, Spindle's client for it, and what it tells by callback.
struct Scene {
    provider: Provider,
    client: PaymentProvider,
    ear: Ear,
}

impl Scene {
    async fn new(options: ProviderOptions) -> Self {
        Self::with(options, Ear::open(0).await).await
    }

    async fn with(options: ProviderOptions, ear: Ear) -> Self {
        let provider = start(options).await.unwrap();
        let client = client(&provider, &ear, Duration::from_secs(30));
        Self { provider, client, ear }
    }

    /// As a client that loses patience, for what is answered too late.
    fn hasty(&self) -> PaymentProvider {
        client(&self.provider, &self.ear, Duration::from_secs(1))
    }

    async fn ask(&self, effect: &Effect) -> Result<Outcome, EffectError> {
        self.client.call(effect, None).await
    }

    async fn authorize(&self, token: &str) -> String {
        match self.ask(&authorize(token)).await {
            Ok(Outcome::Authorized { reference, .. }) => reference,
            other => panic!("{token} was not authorized: {other:?}"),
        }
    }

    fn kinds(&self) -> Vec<EntryKind> {
        self.provider.ledger().into_iter().map(|entry| entry.kind).collect()
    }

    fn status(&self) -> Status {
        self.provider.accounts()[0].status
    }

    async fn post(&self, path: &str, body: Option<Value>) -> StatusCode {
        let request = http().post(format!("{}/v1/payments/{path}", self.provider.url()));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap().status()
    }
}

fn client(provider: &Provider, ear: &Ear, total: Duration) -> PaymentProvider {
    PaymentProvider::new(ProviderSettings {
        url: provider.url(),
        api_key: None,
        callback_url: Some(ear.url.clone()),
        patience: Patience { connect: Duration::from_secs(5), total },
    })
    .unwrap()
}

fn http() -> Client {
    plain_client(Patience::default()).unwrap()
}

fn authorize(token: &str) -> Effect {
    let method = PaymentMethod::parse(token).unwrap();
    Effect::Authorize { payment: PAYMENT, order: ORDER, amount: eur(1220), method }
}

fn capture(reference: &str) -> Effect {
    Effect::Capture { payment: PAYMENT, reference: reference.into(), amount: eur(1220) }
}

fn void(reference: &str) -> Effect {
    Effect::Void { payment: PAYMENT, reference: reference.into() }
}

fn refund(reference: &str, number: u128, amount: i64) -> Effect {
    let refund = RefundId(Uuid::from_u128(number));
    Effect::Refund { payment: PAYMENT, refund, reference: reference.into(), amount: eur(amount) }
}

fn is_unknown(outcome: &Result<Outcome, EffectError>, expected: Operation) -> bool {
    matches!(outcome, Ok(Outcome::Unknown { operation, .. }) if *operation == expected)
}

/// Hears callbacks; refuses the first few.
struct Ear {
    url: String,
    heard: watch::Sender<Vec<(HeaderMap, Bytes)>>,
}

impl Ear {
    async fn open(refusals: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let heard = watch::Sender::new(Vec::new());
        let (into, left) = (heard.clone(), Arc::new(Mutex::new(refusals)));
        let hear = move |headers: HeaderMap, body: Bytes| async move {
            into.send_modify(|heard: &mut Vec<_>| heard.push((headers, body)));
            let mut left = left.lock().unwrap();
            let refuse = *left > 0;
            *left = left.saturating_sub(1);
            if refuse { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
        };
        let router = Router::new().route("/callback", post(hear));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    /// Waits for so many callbacks, and checks that all are signed.
    async fn hears(&self, count: usize) -> Vec<(String, Callback)> {
        let mut heard = self.heard.subscribe();
        let wait = heard.wait_for(|heard| heard.len() >= count);
        let heard = tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap().unwrap().clone();
        let read = |(headers, body): &(HeaderMap, Bytes)| {
            let verified = signature::verify(&[options().secret], headers, body, Utc::now()).unwrap();
            (verified.id, serde_json::from_slice(body).unwrap())
        };
        heard.iter().map(read).collect()
    }
}
