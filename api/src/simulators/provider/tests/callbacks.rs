//! What is told later, and what survives a restart.

use super::*;

#[tokio::test]
async fn what_the_customer_confirms_is_told_by_a_signed_callback() {
    let scene = Scene::new(options()).await;
    let outcome = scene.ask(&authorize("tok_requires_action")).await;
    let Ok(Outcome::ActionRequired { reference, url: Some(url) }) = outcome else { panic!("{outcome:?}") };
    assert!(http().get(url).send().await.unwrap().text().await.unwrap().contains("12.20 EUR"));
    assert_eq!(scene.post(&format!("{reference}/complete"), None).await, StatusCode::OK);
    let (_, told) = scene.ear.hears(1).await.remove(0);
    assert_eq!((told.status, told.payment_id, told.order_id), (CallbackStatus::Authorized, PAYMENT, ORDER));
    assert_eq!((told.money(), told.amount.as_str()), (Some(eur(1220)), "12.20"));
    assert_eq!((&told.id, &told.reference), (&reference, &reference));
    assert_eq!(told.idempotency_key, format!("{PAYMENT}:authorize"));
    assert_eq!(scene.post(&format!("{reference}/complete"), None).await, StatusCode::CONFLICT);
    assert!(matches!(scene.ask(&capture(&reference)).await, Ok(Outcome::Captured { .. })));
}

#[tokio::test]
async fn a_customer_who_does_not_confirm_is_told_as_a_failure() {
    let scene = Scene::new(options()).await;
    let Ok(Outcome::ActionRequired { reference, .. }) = scene.ask(&authorize("tok_requires_action")).await
    else {
        panic!("no action was required")
    };
    let body = json!({ "result": "declined" });
    assert_eq!(scene.post(&format!("{reference}/complete"), Some(body)).await, StatusCode::OK);
    let (_, told) = scene.ear.hears(1).await.remove(0);
    assert_eq!((told.status, told.code.as_deref()), (CallbackStatus::Failed, Some("authentication_failed")));
}

#[tokio::test]
async fn a_pending_payment_is_told_by_callback_only() {
    let decide_after = Some(Duration::from_millis(1));
    let scene = Scene::new(ProviderOptions { decide_after, ..options() }).await;
    let outcome = scene.ask(&authorize("tok_callback_only")).await;
    assert!(is_unknown(&outcome, Operation::Authorize), "{outcome:?}");
    assert_eq!(scene.ear.hears(1).await[0].1.status, CallbackStatus::Authorized);
    assert!(matches!(scene.ask(&LOOK_UP).await, Ok(Outcome::Authorized { .. })));
}

#[tokio::test]
async fn a_callback_is_sent_again_with_the_same_id_until_it_is_taken() {
    let callbacks = CallbackOptions {
        mode: CallbackMode::All,
        copies: 2,
        pause: Duration::from_millis(1),
        ..CallbackOptions::default()
    };
    let scene = Scene::with(ProviderOptions { callbacks, ..options() }, Ear::open(3).await).await;
    scene.authorize("tok_ok").await;
    let heard = scene.ear.hears(5).await;
    assert!(heard.iter().all(|(id, told)| *id == heard[0].0 && *told == heard[0].1), "{heard:?}");
}

#[rstest]
#[case("tok_ok")]
#[case("tok_callback_only")]
#[tokio::test]
async fn a_callback_may_overtake_the_answer(#[case] token: &str) {
    let callbacks =
        CallbackOptions { mode: CallbackMode::All, before_answer: true, ..CallbackOptions::default() };
    let scene = Scene::new(ProviderOptions { callbacks, ..options() }).await;
    scene.ask(&authorize(token)).await.unwrap();
    assert_eq!(scene.ear.heard.borrow().len(), 1, "told before it was answered");
}

#[tokio::test]
async fn a_restarted_provider_has_forgotten_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("provider.jsonl");
    let with_file = || ProviderOptions { file: Some(file.clone()), ..options() };
    let scene = Scene::new(with_file()).await;
    let reference = scene.authorize("tok_ok").await;
    scene.ask(&capture(&reference)).await.unwrap();
    let (ledger, accounts) = (scene.provider.ledger(), scene.provider.accounts());
    scene.provider.shutdown().await;
    // As if it had been killed in the middle of a line.
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str("{\"payment\":{\"acc");
    std::fs::write(&file, text).unwrap();

    let scene = Scene::new(with_file()).await;
    assert_eq!((scene.provider.ledger(), scene.provider.accounts()), (ledger, accounts));
    assert!(
        matches!(scene.ask(&capture(&reference)).await, Ok(Outcome::Captured { .. })),
        "under the same key"
    );
    assert_eq!(scene.ask(&refund(&reference, 1, 1220)).await, Ok(Outcome::Refunded));
    assert_eq!(scene.status(), Status::Refunded);
}

#[tokio::test]
async fn a_restarted_provider_decides_and_tells_what_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = Some(folder.path().join("provider.jsonl"));
    let slow = ProviderOptions { file, decide_after: Some(Duration::from_millis(200)), ..options() };
    let scene = Scene::new(slow.clone()).await;
    scene.ask(&authorize("tok_callback_only")).await.unwrap();
    let Scene { provider, ear, .. } = scene;
    provider.shutdown().await;
    let scene = Scene::with(slow, ear).await;
    assert_eq!(scene.ear.hears(1).await[0].1.status, CallbackStatus::Authorized);
}
