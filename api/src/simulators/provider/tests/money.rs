//! Money moves once, and what was lost is found out.

use super::*;

#[tokio::test]
async fn a_good_payment_is_authorized_captured_and_refunded_in_parts() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_ok").await;
    let captured = Outcome::Captured { reference: reference.clone(), amount: eur(1220) };
    assert_eq!(scene.ask(&capture(&reference)).await, Ok(captured.clone()));
    assert_eq!(scene.ask(&refund(&reference, 1, 300)).await, Ok(Outcome::Refunded));
    assert_eq!(scene.ask(&LOOK_UP).await, Ok(captured), "one refund of several does not show here");
    assert_eq!(scene.ask(&refund(&reference, 2, 920)).await, Ok(Outcome::Refunded));
    assert_eq!(scene.ask(&LOOK_UP).await, Ok(Outcome::Refunded));
    let amounts: Vec<_> = scene.provider.ledger().into_iter().map(|e| (e.number, e.kind, e.amount)).collect();
    assert_eq!(
        amounts,
        [
            (1, EntryKind::Authorized, eur(1220)),
            (2, EntryKind::Captured, eur(1220)),
            (3, EntryKind::Refunded, eur(300)),
            (4, EntryKind::Refunded, eur(920)),
        ]
    );
    scene.provider.shutdown().await;
}

#[tokio::test]
async fn the_same_request_moves_money_once() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_ok").await;
    assert_eq!(scene.authorize("tok_ok").await, reference);
    for effect in [capture(&reference), refund(&reference, 1, 300)] {
        let first = scene.ask(&effect).await.unwrap();
        assert_eq!(scene.ask(&effect).await.unwrap(), first);
    }
    assert_eq!(scene.kinds(), [EntryKind::Authorized, EntryKind::Captured, EntryKind::Refunded]);
}

#[tokio::test]
async fn the_same_key_for_something_else_is_refused_and_looked_up() {
    let scene = Scene::new(options()).await;
    scene.authorize("tok_ok").await;
    assert!(is_unknown(&scene.ask(&authorize("tok_captured")).await, Operation::Authorize));
    assert_eq!(scene.kinds(), [EntryKind::Authorized]);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let scene = Scene::new(options()).await;
    assert_eq!(scene.ask(&LOOK_UP).await, Ok(Outcome::NotFound));
    assert_eq!(scene.ask(&capture("no-such-payment")).await, Ok(Outcome::NotFound));
    let reference = scene.authorize("tok_ok").await;
    let declined = |outcome| matches!(outcome, Ok(Outcome::Declined { .. }));
    assert!(declined(scene.ask(&refund(&reference, 1, 1)).await), "a refund before the capture");
    let too_much = Effect::Capture { payment: PAYMENT, reference: reference.clone(), amount: eur(1221) };
    assert!(declined(scene.ask(&too_much).await), "a capture of more than is held");
    assert_eq!(scene.ask(&void(&reference)).await, Ok(Outcome::Voided));
    assert!(declined(scene.ask(&capture(&reference)).await), "a capture after the void");
    assert_eq!(scene.kinds(), [EntryKind::Authorized, EntryKind::Voided]);
}

#[tokio::test]
async fn no_more_is_refunded_than_was_captured() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_ok").await;
    scene.ask(&capture(&reference)).await.unwrap();
    assert_eq!(scene.ask(&refund(&reference, 1, 1000)).await, Ok(Outcome::Refunded));
    for amount in [221, -1, 0, i64::MAX] {
        let outcome = scene.ask(&refund(&reference, 2, amount)).await;
        assert!(matches!(outcome, Ok(Outcome::Declined { .. })), "{amount}: {outcome:?}");
    }
    assert!(matches!(scene.ask(&void(&reference)).await, Ok(Outcome::Declined { .. })));
}

#[rstest]
#[case("tok_declined", "insufficient_funds")]
#[case("tok_of_nobody", "unknown_token")]
#[tokio::test]
async fn a_decline_has_a_code_and_is_remembered(#[case] token: &str, #[case] expected: &str) {
    let scene = Scene::new(options()).await;
    for effect in [authorize(token), authorize(token), LOOK_UP] {
        let outcome = scene.ask(&effect).await;
        assert!(matches!(&outcome, Ok(Outcome::Declined { code, .. }) if code == expected), "{outcome:?}");
    }
    assert_eq!(scene.kinds(), [EntryKind::Declined]);
}

#[tokio::test]
async fn a_provider_that_never_holds_captures_at_once() {
    let scene = Scene::new(options()).await;
    assert!(matches!(scene.ask(&authorize("tok_captured")).await, Ok(Outcome::Captured { .. })));
    assert_eq!(scene.kinds(), [EntryKind::Captured]);
}

#[tokio::test]
async fn a_timeout_before_the_charge_leaves_nothing() {
    let scene = Scene::new(options()).await;
    let outcome = scene.hasty().call(&authorize("tok_timeout"), None).await;
    assert!(is_unknown(&outcome, Operation::Authorize), "{outcome:?}");
    assert_eq!(scene.ask(&LOOK_UP).await, Ok(Outcome::NotFound));
    assert_eq!(scene.kinds(), []);
}

#[tokio::test]
async fn a_timeout_after_the_charge_is_found_out_and_never_charges_twice() {
    let scene = Scene::new(options()).await;
    let outcome = scene.hasty().call(&authorize("tok_timeout_after_charge"), None).await;
    assert!(is_unknown(&outcome, Operation::Authorize), "{outcome:?}");
    let found = scene.ask(&LOOK_UP).await;
    assert!(matches!(found, Ok(Outcome::Authorized { .. })), "{found:?}");
    assert_eq!(scene.ask(&authorize("tok_timeout_after_charge")).await, found, "asked again under its key");
    assert_eq!(scene.kinds(), [EntryKind::Authorized]);
}

#[tokio::test]
async fn a_lost_capture_is_found_out() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_capture_timeout_after_charge").await;
    let outcome = scene.hasty().call(&capture(&reference), None).await;
    assert!(is_unknown(&outcome, Operation::Capture), "{outcome:?}");
    assert!(matches!(scene.ask(&LOOK_UP).await, Ok(Outcome::Captured { .. })));
    assert!(matches!(scene.ask(&capture(&reference)).await, Ok(Outcome::Captured { .. })));
    assert_eq!(scene.kinds(), [EntryKind::Authorized, EntryKind::Captured]);
}

#[tokio::test]
async fn a_lost_void_was_not_done_and_succeeds_when_asked_again() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_void_timeout").await;
    let outcome = scene.hasty().call(&void(&reference), None).await;
    assert!(is_unknown(&outcome, Operation::Void), "{outcome:?}");
    assert!(matches!(scene.ask(&LOOK_UP).await, Ok(Outcome::Authorized { .. })), "the void did not happen");
    assert_eq!(scene.ask(&void(&reference)).await, Ok(Outcome::Voided));
}

#[tokio::test]
async fn a_declined_capture_leaves_the_money_held() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_capture_declined").await;
    for _ in 0..2 {
        let outcome = scene.ask(&capture(&reference)).await;
        assert!(matches!(&outcome, Ok(Outcome::Declined { code, .. }) if code == "authorization_expired"));
    }
    assert_eq!(scene.ask(&void(&reference)).await, Ok(Outcome::Voided));
}

#[tokio::test]
async fn a_declined_refund_succeeds_later_under_the_same_key() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_refund_fails").await;
    scene.ask(&capture(&reference)).await.unwrap();
    let asked = refund(&reference, 1, 1220);
    assert!(matches!(scene.ask(&asked).await, Ok(Outcome::Declined { .. })));
    assert_eq!(scene.post(&format!("{reference}/allow-refunds"), None).await, StatusCode::OK);
    assert_eq!(scene.ask(&asked).await, Ok(Outcome::Refunded));
    let kinds = [EntryKind::Authorized, EntryKind::Captured, EntryKind::Declined, EntryKind::Refunded];
    assert_eq!(scene.kinds(), kinds);
}

#[tokio::test]
async fn a_flaky_provider_promises_that_nothing_was_done_and_succeeds_the_third_time() {
    let scene = Scene::new(options()).await;
    assert!(scene.ask(&authorize("tok_flaky")).await.is_err());
    assert!(scene.ask(&authorize("tok_flaky")).await.is_err());
    let reference = scene.authorize("tok_flaky").await;
    assert!(scene.ask(&capture(&reference)).await.is_err(), "each operation begins anew");
}

#[tokio::test]
async fn the_ledger_is_read_in_pages() {
    let scene = Scene::new(options()).await;
    let reference = scene.authorize("tok_ok").await;
    scene.ask(&capture(&reference)).await.unwrap();
    let page = async |query: &str| -> Value {
        let url = format!("{}/v1/ledger?{query}", scene.provider.url());
        http().get(url).send().await.unwrap().json().await.unwrap()
    };
    let first = page("limit=1").await;
    assert_eq!((&first["entries"][0]["kind"], &first["next"]), (&json!("authorized"), &json!(1)));
    let second = page("limit=1&after=1").await;
    assert_eq!((&second["entries"][0]["kind"], &second["next"]), (&json!("captured"), &json!(null)));
    assert_eq!(page("after=18446744073709551615").await["entries"], json!([]));
}

#[tokio::test]
async fn rates_befall_the_good_token_and_repeat_with_the_seed() {
    let rates = Rates { declined: "40".parse().unwrap(), ..Rates::default() };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let scene = Scene::new(ProviderOptions { rates, seed: 7, ..options() }).await;
        for n in 0..30 {
            let (payment, method) = (PaymentId(Uuid::from_u128(n)), PaymentMethod::parse("tok_ok").unwrap());
            let effect = Effect::Authorize { payment, order: ORDER, amount: eur(1), method };
            scene.ask(&effect).await.unwrap();
        }
        seen.push(scene.kinds());
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].contains(&EntryKind::Declined) && seen[0].contains(&EntryKind::Authorized));
}

#[tokio::test]
async fn odd_requests_are_refused_in_json() {
    let key = ProviderOptions { api_key: Some("k".into()), ..options() };
    let scene = Scene::new(key).await;
    let error = scene.ask(&authorize("tok_ok")).await.unwrap_err();
    assert!(error.message.contains("key"), "{error}");
    let send = async |body: &str, key: Option<&str>, url: Option<&str>| {
        let url = url.unwrap_or("/v1/payments");
        let mut request = http().post(format!("{}{url}", scene.provider.url())).bearer_auth("k");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.body(body.to_owned()).send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert!(body["error"]["code"].is_string(), "{body}");
        status
    };
    let far = json!({
        "reference": PAYMENT, "order_id": ORDER, "amount": eur(1), "payment_method": "tok_ok",
        "callback_url": "http://10.0.0.1/",
    });
    assert_eq!(send(&far.to_string(), Some("a"), None).await, 422);
    assert_eq!(send("{", Some("a"), None).await, 422);
    assert_eq!(send("", None, Some("/v1/payments/x/void")).await, 400);
    assert_eq!(send("", Some("a"), Some("/v1/payments/x/void")).await, 404);
    assert_eq!(send(&"x".repeat(100_000), Some("a"), None).await, 413);
    assert_eq!(send("", None, Some("/nowhere")).await, 404);
    assert_eq!(send("", None, Some("/v1/ledger")).await, 405);
    assert!(start(ProviderOptions { listen: "0.0.0.0:0".parse().unwrap(), ..options() }).await.is_err());
}
