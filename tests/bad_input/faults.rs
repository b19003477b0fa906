//! From a good body to bad ones: every field of every wrong type, out of every range, missing, twice, unknown.

#![expect(clippy::expect_used, reason = "what a test makes itself it may count on")]

use serde_json::Value;

/// A bad body, and the place that its refusal must name.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) body: Vec<u8>,
    pub(super) pointer: String,
    /// The problem's code; `None` where a rule of the domain has its own.
    pub(super) code: Option<&'static str>,
    /// What the named rule must speak of.
    pub(super) about: String,
}

/// Stands for text that no JSON value can hold.
const HERE: &str = "@here@";
/// 10^36, as its digits: more than any number type holds exactly.
const E36: &str = "1000000000000000000000000000000000000";

/// Every place in a value, as RFC 6901 pointers; the whole is not among them.
pub(super) fn places(value: &Value) -> Vec<String> {
    let below = |step: String, inner: &Value| {
        let deeper = places(inner).into_iter().map(|rest| format!("/{step}{rest}")).collect::<Vec<_>>();
        std::iter::once(format!("/{step}")).chain(deeper).collect::<Vec<_>>()
    };
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, inner)| below(escaped(key), inner)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().flat_map(|(at, inner)| below(at.to_string(), inner)).collect()
        }
        _ => Vec::new(),
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The body with other JSON text at a place.
pub(super) fn with(good: &Value, pointer: &str, text: &str) -> Vec<u8> {
    let mut body = good.clone();
    *body.pointer_mut(pointer).expect("a place in the body") = Value::from(HERE);
    body.to_string().replacen(&format!("\"{HERE}\""), text, 1).into_bytes()
}

/// The body without the field at a place.
pub(super) fn without(good: &Value, pointer: &str) -> Vec<u8> {
    let mut body = good.clone();
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    parent.remove(field).expect("a field");
    body.to_string().into_bytes()
}

/// The object at a place with one more field, as text: it may be there already.
fn and(good: &Value, pointer: &str, field: &str) -> Vec<u8> {
    let object = good.pointer(pointer).expect("a place in the body").to_string();
    let rest = object.strip_prefix('{').expect("an object");
    let comma = if rest == "}" { "" } else { "," };
    let text = format!("{{{field}{comma}{rest}");
    if pointer.is_empty() { text.into_bytes() } else { with(good, pointer, &text) }
}

/// Texts that are nearly the good body, and are no JSON.
pub(super) fn no_json(good: &Value) -> Vec<Vec<u8>> {
    let text = good.to_string();
    let (inside, rest) = (&text[..text.len() - 1], &text[1..]);
    let texts = [
        "nope".to_owned(),
        inside.to_owned(),
        format!("{inside},}}"),
        format!("{text}}}"),
        format!("{text} {text}"),
        format!("{{,{rest}"),
        format!("{{'a':1,{rest}"),
        format!("{{a:1,{rest}"),
        format!("{{1:1,{rest}"),
        format!("\u{feff}{text}"),
        format!("\0{text}"),
        format!("{text}\0"),
        format!("{{\"\0\":1,{rest}"),
        format!("{{\"\\ud800\":1,{rest}"),
        format!("/* no comments */{text}"),
    ];
    let mut bodies: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    for pointer in places(good).iter().filter(|pointer| good.pointer(pointer).is_some_and(Value::is_string)) {
        for bytes in
            [&b"\"\xff\xfe\""[..], b"\"\xc3\x28\"", b"\"\\ud800\"", b"\"a\nb\"", b"\"\0\"", b"\"\\x41\""]
        {
            let whole = with(good, pointer, HERE);
            let at =
                whole.windows(HERE.len()).position(|window| window == HERE.as_bytes()).expect("the place");
            bodies.push([&whole[..at], bytes, &whole[at + HERE.len()..]].concat());
        }
    }
    bodies
}

/// Everything that can be wrong with the fields of a good body.
pub(super) fn all(good: &Value, required: &[&str]) -> Vec<Fault> {
    let wrong = |pointer: &str, text: &str, code| Fault {
        body: with(good, pointer, text),
        pointer: pointer.to_owned(),
        code,
        about: String::new(),
    };
    let mut faults = Vec::new();
    for pointer in places(good) {
        let value = good.pointer(&pointer).expect("a place in the body");
        for text in other_types(value) {
            faults.push(wrong(&pointer, text, Some("invalid_body")));
        }
        for text in nonsense(&pointer, value) {
            faults.push(wrong(&pointer, &text, None));
        }
    }
    for pointer in required {
        faults.push(wrong(pointer, "null", Some("invalid_body")));
        faults.push(Fault {
            body: without(good, pointer),
            pointer: (*pointer).to_owned(),
            code: Some("invalid_body"),
            about: "missing".to_owned(),
        });
    }
    let whole = std::iter::once(String::new());
    for pointer in
        whole.chain(places(good)).filter(|pointer| good.pointer(pointer).is_some_and(Value::is_object))
    {
        faults.push(Fault {
            body: and(good, &pointer, r#""surprise":{"deep":[1]}"#),
            pointer: format!("{pointer}/surprise"),
            code: Some("invalid_body"),
            about: "`surprise`".to_owned(),
        });
        faults.push(Fault {
            body: and(good, &pointer, r#""a\u0000b":1"#),
            pointer: format!("{pointer}/a\0b"),
            code: Some("invalid_body"),
            about: "NUL".to_owned(),
        });
        let fields = good.pointer(&pointer).and_then(Value::as_object).expect("an object");
        if let Some((name, value)) = fields.iter().next() {
            faults.push(Fault {
                body: and(good, &pointer, &format!("\"{name}\":{value}")),
                pointer: format!("{pointer}/{name}"),
                code: Some("invalid_body"),
                about: "once".to_owned(),
            });
        }
    }
    faults
}

/// JSON texts of other types than the value has; what a number may not be is among them.
fn other_types(value: &Value) -> Vec<&'static str> {
    match value {
        Value::Object(_) => vec!["[]", "[[]]", "\"text\"", "1", "1e400", "true"],
        Value::Array(_) => vec!["{}", "\"text\"", "1", "1e400", "true"],
        Value::String(_) => {
            vec!["1", "1.5", "1e36", "1e400", E36, "true", "{}", "[]", "[\"a\"]", "\"a\\u0000b\""]
        }
        Value::Number(number) if number.is_f64() => {
            vec!["\"1\"", "true", "{}", "[]", "null", E36, "-1e36", "1e400", "-181", "181"]
        }
        Value::Number(_) => vec![
            "\"1\"",
            "true",
            "{}",
            "[]",
            "null",
            "1.5",
            "1.0",
            "1e36",
            "-1e36",
            "1e400",
            "-1e400",
            E36,
            "-1000000000000000000000000000000000000",
            "18446744073709551616",
            "-9223372036854775809",
            "1e2",
        ],
        Value::Bool(_) | Value::Null => Vec::new(),
    }
}

/// JSON texts of the right type that say nothing that makes sense there.
fn nonsense(pointer: &str, value: &Value) -> Vec<String> {
    let text = |text: &str| Value::from(text).to_string();
    let long = |letters: usize| text(&"x".repeat(letters));
    let field = pointer.rsplit('/').next().unwrap_or_default();
    let mut texts: Vec<String> = match field {
        "sku" | "courier" | "location" => vec![text("a b"), text("-a"), text("ä"), long(65)],
        "size" => vec![text("huge"), text("Medium")],
        "currency" => vec![text("XQX"), text("€")],
        "email" => vec![text("ada"), text("ada@"), text("a@b@c"), text("a b@c")],
        "phone" => vec![text("call me"), text("1")],
        "customer_id" => vec![text("me")],
        "type" => vec![text("post"), text("pickup "), text("Delivery")],
        "requested_for" | "due" | "ready_by" => {
            let wrong = [
                "tomorrow",
                "2999-05-01",
                "2999-05-01T12:00:00",
                "1969-12-31T23:59:59Z",
                "2999-02-30T00:00:00Z",
            ];
            wrong.map(text).into()
        }
        "method" => vec![text("4242424242424242"), text("tok ok"), long(201)],
        "reason" if value == "customer_request" => vec![text("boredom"), text("no_courier")],
        "name" => vec![long(201), text("Ada\nLovelace"), text("\u{7}")],
        "product" => vec![long(201), text("a\u{7}b"), text("  ")],
        "promo_code" => vec![long(65), text("winter")],
        "note" | "reason" | "detail" | "proof" | "street" | "city" | "postal_code" | "country" => {
            vec![long(2_001), text("\u{7}"), text("  ")]
        }
        "quantity" if pointer.starts_with("/items") => vec!["0".into(), "-1".into()],
        "quantity" => ["0", "-1", "1000001", "9223372036854775807"].map(str::to_owned).into(),
        _ => Vec::new(),
    };
    if value.is_string() {
        texts.push(text(""));
    }
    texts
}
