//! What the payment provider tells: signed, at least once, in any order.
//!
//! **Invariant:** nothing of a callback is looked at before its signature is believed, and no amount is rounded.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use spindle_commands::effects::wire;
use spindle_commands::{CommandError, Context};
use spindle_domain::payment::{Payment, PaymentCommand};
use spindle_domain::values::{Currency, Money, RefundId};
use uuid::Uuid;

use super::answer::{self, Resource};
use super::state::{AppState, Shared};
use super::trace::Trace;
use super::{asked, idempotency, json};
use crate::problem::{Code, Problem};
use crate::signature::{self, SignatureError};

/// Who tells, in the history, and whose the message ids are.
const PROVIDER: &str = "provider";
const SCOPE: &str = "callback";
/// The longest word that is kept of the provider: references and codes are stored with events.
const LONGEST_WORD: usize = 200;
/// How much of the provider's explanation is kept, in characters.
const LONGEST_MESSAGE: usize = 1_000;

/// The body of a callback. Fields that Spindle does not know are the provider's own business: news of money is not
/// refused for them.
#[derive(Debug, Deserialize)]
struct Told {
    /// Spindle's name for the payment; the provider's, when `payment_id` says Spindle's.
    id: String,
    #[serde(default)]
    payment_id: Option<Uuid>,
    #[serde(default)]
    order_id: Option<Uuid>,
    #[serde(default)]
    amount: Option<String>,
    #[serde(default)]
    currency: Option<String>,
    status: String,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    refund_id: Option<Uuid>,
    #[serde(default)]
    action_url: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

pub(super) async fn hear(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (told, context) = read(&app, request).await?;
    let id = told.payment()?;
    let (payment, _) = app.dispatcher.load::<Payment>(id).await?;
    let Some(command) = told.command(&payment)? else {
        tracing::info!(payment.id = %id, status = told.status, "nothing follows from a callback for payment {id}");
        return answer::json(StatusCode::OK, &json!({}));
    };
    let done = app.dispatcher.execute::<Payment>(id, command, context).await.inspect_err(|error| {
        // Money and history disagree: an operator should hear it. Other failures are logged where all are.
        if let CommandError::Refused(refusal) = error {
            tracing::warn!(payment.id = %id, status = told.status, "a callback for payment {id} is refused: {refusal}");
        }
    })?;
    answer::seen(done.position, &json!({}))
}

/// Reads a callback and the context of its command, once its signature is believed.
async fn read(app: &AppState, request: Request) -> Result<(Told, Context), Problem> {
    let headers: HeaderMap = request.headers().clone();
    let method = request.method().clone();
    let traceparent = request.extensions().get::<Trace>().map(Trace::parent);
    let body = asked::whole(request, app).await?;
    let verified = signature::verify(&app.callback_secrets, &headers, &body, app.clock.now())?;
    let claim = idempotency::claim(SCOPE.to_owned(), &verified.id, &method, SCOPE, &body);
    let context = Context { traceparent, claim: Some(claim), ..Context::by(PROVIDER) };
    Ok((json::parse(&body)?, context))
}

impl From<SignatureError> for Problem {
    fn from(error: SignatureError) -> Self {
        Self::new(Code::InvalidSignature, format!("The callback is not believed: {error}."))
    }
}

impl Told {
    /// Spindle's name for the payment.
    fn payment(&self) -> Result<Uuid, Problem> {
        match self.payment_id {
            Some(id) => Ok(id),
            None => Uuid::parse_str(&self.id)
                .map_err(|_| Problem::body("/id", "must be the payment's UUID, unless payment_id says it")),
        }
    }

    /// What it means for the payment; nothing when nothing follows from it.
    fn command(&self, payment: &Payment) -> Result<Option<PaymentCommand>, Problem> {
        if let (Some(told), Some(known)) = (self.order_id, payment.order())
            && told != known.0
        {
            return Err(Problem::body("/order_id", "must be the order that the payment is for"));
        }
        // Without a known payment there is no currency to read amounts in.
        if !payment.exists() {
            return Err(Payment::missing());
        }
        Ok(match self.status.as_str() {
            "succeeded" | "captured" => Some(PaymentCommand::RecordCaptured {
                reference: self.reference()?,
                amount: self.money(payment)?,
            }),
            "authorized" => Some(PaymentCommand::RecordAuthorized {
                reference: self.reference()?,
                amount: self.money(payment)?,
            }),
            "requires_action" => Some(PaymentCommand::RecordActionRequired {
                reference: self.reference()?,
                url: self.action_url.clone(),
            }),
            "failed" | "declined" => {
                Some(PaymentCommand::RecordFailed { code: self.code()?, message: self.message() })
            }
            "voided" => Some(PaymentCommand::RecordVoided),
            "refunded" => self.refund()?.map(|refund| PaymentCommand::RecordRefunded { refund }),
            "refund_failed" => self
                .refund()?
                .map(|refund| PaymentCommand::RecordRefundFailed { refund, error: self.message() }),
            _ => None,
        })
    }

    fn reference(&self) -> Result<String, Problem> {
        match &self.reference {
            Some(reference) => word("/reference", reference),
            None => word("/id", &self.id),
        }
    }

    fn code(&self) -> Result<String, Problem> {
        word("/code", self.code.as_deref().unwrap_or("declined"))
    }

    fn message(&self) -> String {
        let message = self.message.as_deref().unwrap_or("the provider gave no reason");
        message.chars().take(LONGEST_MESSAGE).collect()
    }

    /// The amount, in the currency that it is told in; by default the payment's own.
    fn money(&self, payment: &Payment) -> Result<Money, Problem> {
        let currency = match &self.currency {
            Some(code) => Currency::from_code(code)
                .ok_or_else(|| Problem::body("/currency", "must be an ISO 4217 currency code"))?,
            None => payment.amount().ok_or_else(Payment::missing)?.currency,
        };
        let text = self.amount.as_deref().ok_or_else(|| Problem::body("/amount", "is missing"))?;
        wire::parse_decimal(text, currency).ok_or_else(|| {
            Problem::body(
                "/amount",
                format!("must be an exact amount of {} such as \"12.20\"", currency.code()),
            )
        })
    }

    /// The refund that is told of: named, or part of the key under which Spindle asked for it.
    fn refund(&self) -> Result<Option<RefundId>, Problem> {
        if let Some(id) = self.refund_id {
            return Ok(Some(RefundId(id)));
        }
        let asked = self.idempotency_key.as_deref().and_then(|key| key.rsplit_once(":refund:"));
        match asked {
            Some((_, id)) => Uuid::parse_str(id)
                .map(|id| Some(RefundId(id)))
                .map_err(|_| Problem::body("/idempotency_key", "must end in the refund's UUID")),
            None => Ok(None),
        }
    }
}

fn word(pointer: &str, text: &str) -> Result<String, Problem> {
    if (1..=LONGEST_WORD).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(Problem::body(pointer, format!("must be 1 to {LONGEST_WORD} bytes")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const ID: &str = "0190b5a0-0000-7000-8000-000000000001";
    const ORDER: &str = "0190b5a0-0000-7000-8000-000000000002";

    fn payment() -> Payment {
        serde_json::from_value(json!({"requested": {
            "order": ORDER, "amount": {"amount": 10_000, "currency": "EUR"}, "method": "tok_ok",
            "at": "2025-01-01T00:00:00Z",
        }}))
        .unwrap()
    }

    fn told(changes: Value) -> Told {
        let mut body = json!({
            "id": ID, "user_id": "u", "order_id": ORDER, "amount": "100.00", "status": "succeeded",
            "idempotency_key": "k", "created_at": "2025-01-01T00:00:00Z", "something": {"of": "the provider"},
        });
        if let (Value::Object(body), Value::Object(changes)) = (&mut body, changes) {
            body.extend(changes);
        }
        serde_json::from_value(body).unwrap()
    }

    fn command(changes: Value) -> Result<Option<PaymentCommand>, String> {
        told(changes).command(&payment()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_documented_callback_is_a_capture() {
        let amount = Money::new(10_000, Currency::EUR);
        let captured =
            |reference: &str| Some(PaymentCommand::RecordCaptured { reference: reference.into(), amount });
        assert_eq!(command(json!({})), Ok(captured(ID)));
        assert_eq!(command(json!({"id": "pp_1", "payment_id": ID})), Ok(captured("pp_1")));
        assert_eq!(command(json!({"reference": "pp_2"})), Ok(captured("pp_2")));
        assert_eq!(told(json!({})).payment().unwrap().to_string(), ID);
        assert!(told(json!({"id": "pp_1"})).payment().is_err());
    }

    #[test]
    fn an_amount_is_exact_or_refused() {
        for wrong in [json!({"amount": "100.001"}), json!({"amount": "1e2"}), json!({"amount": null})] {
            assert!(command(wrong.clone()).unwrap_err().contains("/amount"), "{wrong}");
        }
        let yen = command(json!({"amount": "100", "currency": "JPY"})).unwrap();
        assert!(matches!(yen, Some(PaymentCommand::RecordCaptured { amount, .. }) if amount.amount == 100));
        assert!(command(json!({"currency": "XQX"})).unwrap_err().contains("/currency"));
    }

    #[test]
    fn each_status_has_its_meaning() {
        let refund = Uuid::from_u128(7);
        let declined = PaymentCommand::RecordFailed { code: "no_money".into(), message: "sorry".into() };
        let cases = [
            (json!({"status": "declined", "code": "no_money", "message": "sorry"}), Some(declined)),
            (json!({"status": "voided"}), Some(PaymentCommand::RecordVoided)),
            (
                json!({"status": "refunded", "refund_id": refund}),
                Some(PaymentCommand::RecordRefunded { refund: RefundId(refund) }),
            ),
            (
                json!({"status": "refunded", "idempotency_key": format!("{ID}:refund:{refund}")}),
                Some(PaymentCommand::RecordRefunded { refund: RefundId(refund) }),
            ),
            (json!({"status": "refunded"}), None),
            (json!({"status": "chargeback"}), None),
        ];
        for (changes, expected) in cases {
            assert_eq!(command(changes.clone()), Ok(expected), "{changes}");
        }
    }

    #[test]
    fn a_callback_for_another_order_is_refused() {
        assert!(command(json!({"order_id": ID})).unwrap_err().contains("/order_id"));
    }

    #[test]
    fn a_payment_that_nobody_asked_for_is_404() {
        assert_eq!(told(json!({})).command(&Payment::default()).unwrap_err().code(), "payment_not_found");
    }
}
