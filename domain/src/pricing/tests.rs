//! What a quote says, rule by rule, and what holds for all of them.

use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::refusal::Kind;

const EUR: Currency = Currency::EUR;

fn eur(cents: i64) -> Money {
    Money::new(cents, EUR)
}

fn line(sku: &str, size: Option<Size>, quantity: i64) -> LineRequest {
    let (sku, quantity) = (Sku::parse(sku).unwrap(), Quantity::new(quantity).unwrap());
    LineRequest { sku, size, quantity, unit_price: None }
}

fn lattes(quantity: i64) -> LineRequest {
    line("latte", Some(Size::Medium), quantity)
}

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-03-01T{time}Z").parse().unwrap()
}

fn plain() -> Circumstances<'static> {
    let fulfilment = Handover::Pickup;
    Circumstances { promo_code: None, fulfilment, now: at("12:00:00"), currency: None }
}

fn delivered() -> Circumstances<'static> {
    Circumstances { fulfilment: Handover::Delivery, ..plain() }
}

fn with_code(code: &str) -> Circumstances<'_> {
    Circumstances { promo_code: Some(code), ..plain() }
}

fn ask(
    lines: &[LineRequest],
    rules: &Rules,
    circumstances: &Circumstances<'_>,
) -> Result<Quote, PricingError> {
    quote(lines, &Catalogue::default_menu(), rules, circumstances)
}

fn rules(text: &str) -> Rules {
    serde_json::from_str(text).unwrap()
}

fn named(adjustments: &[Adjustment]) -> Vec<(&str, i64)> {
    adjustments.iter().map(|a| (a.rule.as_str(), a.amount.amount)).collect()
}

#[test]
fn without_rules_the_total_is_the_sum_of_the_lines() {
    let quote = ask(&[lattes(2), line("croissant", None, 1)], &Rules::default(), &delivered()).unwrap();
    assert_eq!(quote.total, eur(1030));
    assert_eq!(quote.lines.iter().map(|l| l.total.amount).collect::<Vec<_>>(), [780, 250]);
    assert!(quote.discounts.is_empty() && quote.fees.is_empty() && quote.taxes.is_empty());
    assert_eq!((quote.lines[0].name.as_str(), quote.lines[0].unit_price), ("Latte", eur(390)));
}

#[test]
fn a_quote_survives_being_stored() {
    let quote = ask(&[lattes(2), line("croissant", None, 1)], &Rules::default(), &plain()).unwrap();
    let text = serde_json::to_string(&quote).unwrap();
    assert_eq!(serde_json::from_str::<Quote>(&text).unwrap(), quote);
}

#[rstest]
#[case(vec![], "no_lines", "an order needs at least one line")]
#[case(vec![lattes(1); 101], "too_many_lines", "an order has at most 100 lines, this one has 101")]
#[case(vec![line("unicorn", None, 1)], "unknown_sku", "there is no product unicorn")]
#[case(vec![line("latte", None, 1)], "size_required", "latte needs a size: small, medium, big")]
#[case(vec![line("croissant", Some(Size::Big), 1)], "product_without_sizes", "croissant comes in one size: leave big out")]
fn lines_that_cannot_be_priced_are_refused(
    #[case] lines: Vec<LineRequest>,
    #[case] code: &str,
    #[case] message: &str,
) {
    let error = ask(&lines, &Rules::default(), &plain()).unwrap_err();
    assert_eq!((error.code(), error.kind(), error.to_string().as_str()), (code, Kind::Invalid, message));
}

fn small_menu() -> Catalogue {
    serde_json::from_str(
        r#"{"products": [
            {"sku": "ale", "name": "Ale", "category": "beer", "available": false,
             "prices": {"one": {"amount": 450, "currency": "EUR"}}},
            {"sku": "stout", "name": "Stout", "category": "beer",
             "prices": {"by_size": {"small": {"amount": 300, "currency": "EUR"}, "medium": {"amount": 400, "currency": "EUR"}}}},
            {"sku": "gold", "name": "Gold", "category": "metal",
             "prices": {"one": {"amount": 9223372036854775807, "currency": "EUR"}}},
            {"sku": "bagel", "name": "Bagel", "category": "food",
             "prices": {"one": {"amount": 500, "currency": "USD"}}}
        ]}"#,
    )
    .unwrap()
}

#[rstest]
#[case(vec![line("ale", None, 1)], "product_not_available", Kind::Conflict, "ale is not available now")]
#[case(vec![line("stout", Some(Size::Big), 1)], "size_not_offered", Kind::Invalid, "stout is not sold in size big, only in small, medium")]
#[case(vec![line("gold", None, 2)], "amount_too_large", Kind::Invalid, "the amount is too large")]
#[case(vec![line("gold", None, 1), line("gold", None, 1)], "amount_too_large", Kind::Invalid, "the amount is too large")]
#[case(vec![line("bagel", None, 1), line("stout", Some(Size::Small), 1)], "mixed_currencies", Kind::Invalid, "USD and EUR cannot be added")]
fn products_say_why_they_cannot_be_sold(
    #[case] lines: Vec<LineRequest>,
    #[case] code: &str,
    #[case] kind: Kind,
    #[case] message: &str,
) {
    let error = quote(&lines, &small_menu(), &Rules::default(), &plain()).unwrap_err();
    assert_eq!((error.code(), error.kind(), error.to_string().as_str()), (code, kind, message));
}

#[test]
fn a_price_that_has_changed_names_both_prices() {
    let same = LineRequest { unit_price: Some(eur(390)), ..lattes(1) };
    assert!(ask(&[same], &Rules::default(), &plain()).is_ok());
    let other = LineRequest { unit_price: Some(eur(350)), ..lattes(1) };
    let error = ask(&[other], &Rules::default(), &plain()).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("price_changed", Kind::Conflict));
    assert_eq!(error.to_string(), "latte costs 3.90 EUR now, not 3.50 EUR");
}

#[test]
fn a_client_that_expects_another_currency_is_told_ours() {
    let dollars = Circumstances { currency: Some(Currency::USD), ..plain() };
    let error = ask(&[lattes(1)], &Rules::default(), &dollars).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("currency_not_offered", "prices are in EUR, not in USD")
    );
    let euro = Circumstances { currency: Some(EUR), ..plain() };
    assert!(ask(&[lattes(1)], &Rules::default(), &euro).is_ok());
}

const TIERS: &str = r#"{"discounts": [
    {"name": "5 % from 20", "from": {"amount": 2000, "currency": "EUR"}, "off": {"basis_points": 500}},
    {"name": "3 off from 30", "from": {"amount": 3000, "currency": "EUR"}, "off": {"amount": {"amount": 300, "currency": "EUR"}}},
    {"name": "dollars", "from": {"amount": 1, "currency": "USD"}, "off": {"basis_points": 9000}},
    {"name": "dollars off euro", "from": {"amount": 1, "currency": "EUR"}, "off": {"amount": {"amount": 900, "currency": "USD"}}}
]}"#;

#[rstest]
#[case(7, &[], 1750)]
#[case(8, &[("5 % from 20", 100)], 1900)]
#[case(12, &[("3 off from 30", 300)], 2700)]
#[case(40, &[("5 % from 20", 500)], 9500)]
fn the_best_discount_that_is_reached_counts(
    #[case] croissants: i64,
    #[case] discounts: &[(&str, i64)],
    #[case] total: i64,
) {
    let quote = ask(&[line("croissant", None, croissants)], &rules(TIERS), &plain()).unwrap();
    assert_eq!((named(&quote.discounts), quote.total), (discounts.to_vec(), eur(total)));
}

const CODES: &str = r#"{"promo_codes": [
    {"code": "SPRING", "off": {"basis_points": 1000}, "from": "2026-03-01T00:00:00Z", "until": "2026-06-01T00:00:00Z"},
    {"code": "LAST", "off": {"basis_points": 1000}, "until": "2026-01-01T00:00:00Z"},
    {"code": "NEXT", "off": {"basis_points": 1000}, "from": "2027-01-01T00:00:00Z"},
    {"code": "FREE", "off": {"amount": {"amount": 100000, "currency": "EUR"}}},
    {"code": "DOLLARS", "off": {"amount": {"amount": 100, "currency": "USD"}}}
]}"#;

#[test]
fn a_promo_code_takes_its_share_however_it_is_written() {
    let quote = ask(&[lattes(1)], &rules(CODES), &with_code(" spring ")).unwrap();
    assert_eq!((named(&quote.discounts), quote.total), (vec![("promo code SPRING", 39)], eur(351)));
}

#[test]
fn a_total_is_never_less_than_nothing() {
    let quote = ask(&[lattes(1)], &rules(CODES), &with_code("FREE")).unwrap();
    assert_eq!((named(&quote.discounts), quote.total), (vec![("promo code FREE", 390)], eur(0)));
}

#[rstest]
#[case("WINTER", "unknown_promo_code", r#"there is no promo code "WINTER""#)]
#[case("LAST", "promo_code_not_valid", r#"promo code "LAST" holds until 2026-01-01 00:00:00 UTC"#)]
#[case("NEXT", "promo_code_not_valid", r#"promo code "NEXT" holds from 2027-01-01 00:00:00 UTC"#)]
#[case("DOLLARS", "mixed_currencies", "EUR and USD cannot be added")]
fn a_promo_code_that_does_not_hold_is_refused(#[case] code: &str, #[case] name: &str, #[case] message: &str) {
    let error = ask(&[lattes(1)], &rules(CODES), &with_code(code)).unwrap_err();
    assert_eq!((error.code(), error.kind(), error.to_string().as_str()), (name, Kind::Invalid, message));
}

const HOURS: &str = r#"{"happy_hours": [
    {"name": "happy hour", "from": "17:00:00", "until": "19:00:00", "basis_points": 2000},
    {"name": "happier half", "from": "18:30:00", "until": "19:00:00", "basis_points": 3000},
    {"name": "night owls", "from": "23:00:00", "until": "02:00:00", "basis_points": 1000}
]}"#;

#[rstest]
#[case("16:59:59", &[])]
#[case("17:00:00", &[("happy hour", 78)])]
#[case("18:30:00", &[("happier half", 117)])]
#[case("19:00:00", &[])]
#[case("23:30:00", &[("night owls", 39)])]
#[case("01:59:59", &[("night owls", 39)])]
#[case("02:00:00", &[])]
fn a_happy_hour_counts_from_its_beginning_to_before_its_end(
    #[case] time: &str,
    #[case] discounts: &[(&str, i64)],
) {
    let quote = ask(&[lattes(1)], &rules(HOURS), &Circumstances { now: at(time), ..plain() }).unwrap();
    assert_eq!(named(&quote.discounts), discounts);
}

const FEES: &str = r#"{
    "delivery_fees": [
        {"from": {"amount": 2000, "currency": "EUR"}, "fee": {"amount": 150, "currency": "EUR"}},
        {"from": {"amount": 0, "currency": "EUR"}, "fee": {"amount": 350, "currency": "EUR"}},
        {"from": {"amount": 4000, "currency": "EUR"}, "fee": {"amount": 0, "currency": "EUR"}}
    ],
    "small_order": {"below": {"amount": 1000, "currency": "EUR"}, "fee": {"amount": 99, "currency": "EUR"}}
}"#;

#[rstest]
#[case(1, delivered(), &[("delivery", 350), ("small order", 99)])]
#[case(1, plain(), &[("small order", 99)])]
#[case(4, delivered(), &[("delivery", 350)])]
#[case(8, delivered(), &[("delivery", 150)])]
#[case(16, delivered(), &[])]
fn fees_go_by_the_total(
    #[case] croissants: i64,
    #[case] circumstances: Circumstances<'static>,
    #[case] fees: &[(&str, i64)],
) {
    let quote = ask(&[line("croissant", None, croissants)], &rules(FEES), &circumstances).unwrap();
    assert_eq!(named(&quote.fees), fees);
    assert_eq!(quote.total.amount, croissants * 250 + fees.iter().map(|(_, amount)| amount).sum::<i64>());
}

#[rstest]
#[case(true, &[("tax on coffee 19.00 %, included", 125), ("tax on food 7.00 %, included", 16)], 1030)]
#[case(false, &[("tax on coffee 19.00 %", 148), ("tax on food 7.00 %", 18)], 1196)]
fn tax_goes_by_category_and_is_reported_or_added(
    #[case] included: bool,
    #[case] taxes: &[(&str, i64)],
    #[case] total: i64,
) {
    let mut rules = rules(r#"{"taxes": {"rates": {"coffee": 1900, "food": 700}}}"#);
    rules.taxes.included = included;
    let lines = [lattes(2), line("croissant", None, 1)];
    let quote = ask(&lines, &rules, &plain()).unwrap();
    assert_eq!((named(&quote.taxes), quote.total), (taxes.to_vec(), eur(total)));
}

#[test]
fn tax_is_due_only_on_what_is_left_after_discounts() {
    let mut rules = rules(CODES);
    rules.taxes = Taxes { included: false, rates: [("coffee".to_owned(), 1_000)].into() };
    let quote = ask(&[lattes(10)], &rules, &with_code("SPRING")).unwrap();
    assert_eq!((named(&quote.taxes), quote.total), (vec![("tax on coffee 10.00 %", 351)], eur(3_861)));
    let free = ask(&[lattes(1)], &rules, &with_code("FREE")).unwrap();
    assert_eq!((free.taxes, free.total), (vec![], eur(0)));
}

fn any_line() -> impl Strategy<Value = LineRequest> {
    let menu: Vec<_> = Catalogue::default_menu().products().cloned().collect();
    (prop::sample::select(menu), 1_i64..2_000, 0_usize..3).prop_map(|(product, quantity, size)| {
        line(product.sku.as_str(), product.sizes().get(size).copied(), quantity)
    })
}

fn any_off() -> impl Strategy<Value = Off> {
    prop_oneof![
        (0_u32..20_000).prop_map(Off::BasisPoints),
        (-100_i64..1_000_000).prop_map(|cents| Off::Amount(eur(cents)))
    ]
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let discount = (0_i64..100_000, any_off()).prop_map(|(from, off)| Discount {
        name: "discount".to_owned(),
        from: eur(from),
        off,
    });
    let promo = any_off().prop_map(|off| PromoCode { code: "X".to_owned(), off, from: None, until: None });
    let hour = (0_u32..20_000).prop_map(|basis_points| {
        let (from, until) = (at("11:00:00").time(), at("13:00:00").time());
        HappyHour { name: "hour".to_owned(), from, until, basis_points }
    });
    let fee = (0_i64..100_000, -100_i64..1_000)
        .prop_map(|(from, fee)| DeliveryFee { from: eur(from), fee: eur(fee) });
    let small = (0_i64..100_000, -100_i64..1_000)
        .prop_map(|(below, fee)| SmallOrderFee { below: eur(below), fee: eur(fee) });
    let taxes = (any::<bool>(), 0_u32..5_000, 0_u32..5_000).prop_map(|(included, coffee, food)| Taxes {
        included,
        rates: [("coffee".to_owned(), coffee), ("food".to_owned(), food)].into(),
    });
    (vec(discount, 0..4), promo, vec(hour, 0..2), vec(fee, 0..4), prop::option::of(small), taxes).prop_map(
        |(discounts, promo, happy_hours, delivery_fees, small_order, taxes)| Rules {
            discounts,
            promo_codes: vec![promo],
            happy_hours,
            delivery_fees,
            small_order,
            taxes,
        },
    )
}

fn total_of(adjustments: &[Adjustment]) -> i64 {
    adjustments.iter().map(|adjustment| adjustment.amount.amount).sum()
}

proptest! {
    #[test]
    fn the_parts_make_the_total_and_it_is_never_negative(
        lines in vec(any_line(), 1..12),
        rules in any_rules(),
        promo in any::<bool>(),
    ) {
        let circumstances = Circumstances { promo_code: promo.then_some("x"), ..delivered() };
        let quote = ask(&lines, &rules, &circumstances).unwrap();
        let sum: i64 = quote.lines.iter().map(|line| line.total.amount).sum();
        let added = if rules.taxes.included { 0 } else { total_of(&quote.taxes) };
        prop_assert_eq!(quote.total.amount, sum - total_of(&quote.discounts) + total_of(&quote.fees) + added);
        prop_assert!(quote.total.amount >= 0);
        prop_assert!(total_of(&quote.discounts) <= sum);
        let all = quote.discounts.iter().chain(&quote.fees).chain(&quote.taxes);
        prop_assert!(all.into_iter().all(|adjustment| adjustment.amount.amount > 0));
    }

    #[test]
    fn the_order_of_the_lines_does_not_matter(
        (lines, shuffled) in vec(any_line(), 1..12)
            .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        rules in any_rules(),
    ) {
        let one = ask(&lines, &rules, &with_code("X")).unwrap();
        let other = ask(&shuffled, &rules, &with_code("X")).unwrap();
        prop_assert_eq!(
            (one.total, one.discounts, one.fees, one.taxes),
            (other.total, other.discounts, other.fees, other.taxes)
        );
    }
}
