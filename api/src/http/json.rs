//! A JSON body: read whole, checked, and refused with the place and the rule when it does not fit.
//!
//! **Invariant:** no string with a NUL gets in: PostgreSQL cannot hold one.

mod strict;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::problem::{Code, Problem};

use strict::Strict;

/// Reads a body that must be there.
///
/// # Errors
/// 400 when it is missing or not JSON, 415 when it says that it is something else, 422 with a pointer when it is
/// not what is asked for.
pub(super) fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Err(Problem::new(Code::BodyMissing, "A JSON body is needed here."));
    }
    if !says_json(headers) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "The body's content type must be application/json.",
        ));
    }
    parse(body)
}

/// Reads a body that may be left out.
///
/// # Errors
/// As [`read`], except for a missing body.
pub(super) fn read_or_default<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, Problem> {
    if body.is_empty() { Ok(T::default()) } else { read(headers, body) }
}

/// `application/json` or `application/…+json`, whatever its parameters.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// Reads JSON text.
///
/// # Errors
/// As [`read`].
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // Said of the whole body, so that nobody has to guess what an empty pointer means.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Problem::body("", "must be an object"),
            Err(error) => syntax(&error),
        });
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read: Result<T, _> = serde_path_to_error::deserialize(Strict(&mut reader));
    // What does not fit may also hold a NUL, or end in nonsense: the deeper fault is named first.
    let end = if read.is_ok() { reader.end() } else { Ok(()) };
    let value = read
        .map_err(|error| problem(&error))
        .and_then(|value| end.map_err(|why| syntax(&why)).map(|()| value));
    match nul(body) {
        // What is no JSON at all cannot be searched either, and has the better reason already.
        Some(pointer) if !pointer.is_empty() || value.is_ok() => {
            Err(Problem::body(pointer, "must not contain the character NUL"))
        }
        _ => value,
    }
}

fn syntax(error: &serde_json::Error) -> Problem {
    Problem::new(Code::InvalidJson, format!("The body is not JSON: {error}."))
}

fn problem(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let text = error.inner().to_string();
    let rule = without_place(&text);
    let mut pointer = pointer(error.path());
    // JSON knows no number that is too large; it is the parser that does.
    if rule == "number out of range" {
        return Problem::body(pointer, "must be a number within range");
    }
    if error.inner().classify() != Category::Data {
        return syntax(error.inner());
    }
    // These have no place of their own; they are named where they should be, or are.
    for (words, rule_of_it) in
        [("missing field `", "is missing"), ("duplicate field `", "must not be given more than once")]
    {
        if let Some(name) = rule.strip_prefix(words).and_then(|rest| rest.strip_suffix('`')) {
            push(&mut pointer, name);
            return Problem::body(pointer, rule_of_it);
        }
    }
    Problem::body(pointer, plain(rule))
}

/// The message without ` at line 1 column 7`: the pointer says it better.
fn without_place(text: &str) -> &str {
    match text.rfind(" at line ") {
        Some(at) => &text[..at],
        None => text,
    }
}

/// serde speaks to Rust programmers; clients read JSON's own words.
fn plain(rule: &str) -> String {
    let Some((given, expected)) = rule.rsplit_once(", expected ") else { return rule.to_owned() };
    let expected = match expected {
        "i64" | "u64" | "i32" | "u32" | "u16" | "u8" | "usize" => "a whole number",
        "f64" | "f32" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let given = given.replace("invalid type: sequence", "invalid type: array");
    format!("{}, expected {expected}", given.replace("invalid type: map", "invalid type: object"))
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Adds one step to an RFC 6901 pointer.
fn push(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

/// The place of the first string that holds a NUL; the whole body when it stands deeper than the search goes. In
/// JSON text it can only stand escaped, so most bodies need no second look.
fn nul(body: &[u8]) -> Option<String> {
    const ESCAPED: &[u8] = br"\u0000";
    if !body.windows(ESCAPED.len()).any(|window| window == ESCAPED) {
        return None;
    }
    // The parser bounds the depth, so the search below is bounded too.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Some(String::new()) };
    let mut pointer = String::new();
    find_nul(&value, &mut pointer).then_some(pointer)
}

fn find_nul(value: &Value, pointer: &mut String) -> bool {
    let whole = pointer.len();
    let mut inside = |step: &str, value: &Value| {
        push(pointer, step);
        let found = step.contains('\0') || find_nul(value, pointer);
        if !found {
            pointer.truncate(whole);
        }
        found
    };
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => {
            values.iter().enumerate().any(|(index, value)| inside(&index.to_string(), value))
        }
        Value::Object(map) => map.iter().any(|(key, value)| inside(key, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Basket {
        #[expect(dead_code, reason = "only its reading is tested")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Line {
        name: String,
        quantity: i64,
    }

    #[derive(Debug, Deserialize)]
    struct Word {
        #[expect(dead_code, reason = "only its reading is tested")]
        word: String,
    }

    fn refused(body: &str) -> Problem {
        parse::<Basket>(body.as_bytes()).unwrap_err()
    }

    fn fault(body: &str) -> (String, String) {
        let problem = refused(body);
        assert_eq!(problem.code(), "invalid_body", "{problem}");
        let [fault] = problem.errors() else { panic!("{problem}") };
        let Place::Pointer(pointer) = &fault.at else { panic!("{problem}") };
        (pointer.clone(), fault.rule.clone())
    }

    #[test]
    fn a_wrong_type_is_named_with_its_place() {
        let (pointer, rule) = fault(r#"{"lines":[{"name":"a","quantity":1},{"name":"b","quantity":"two"}]}"#);
        assert_eq!(pointer, "/lines/1/quantity");
        assert_eq!(rule, "invalid type: string \"two\", expected a whole number");
    }

    #[test]
    fn an_unknown_field_is_named() {
        let (pointer, rule) = fault(r#"{"lines":[],"a/b~c":1}"#);
        assert_eq!(pointer, "/a~1b~0c");
        assert!(rule.contains("unknown field `a/b~c`"), "{rule}");
    }

    #[test]
    fn a_missing_field_is_named_where_it_should_be() {
        assert_eq!(fault(r#"{"lines":[{"name":"a"}]}"#), ("/lines/0/quantity".into(), "is missing".into()));
        assert_eq!(fault("{}"), ("/lines".into(), "is missing".into()));
    }

    #[test]
    fn a_field_given_twice_is_refused() {
        let twice = fault(r#"{"lines":[],"lines":[]}"#);
        assert_eq!(twice, ("/lines".into(), "must not be given more than once".into()));
    }

    #[test]
    fn a_number_beyond_every_range_is_a_fault_and_no_more() {
        for number in
            ["1e36", "-1e36", "1e400", "1000000000000000000000000000000000000", "9223372036854775808", "1.5"]
        {
            let body = format!(r#"{{"lines":[{{"name":"a","quantity":{number}}}]}}"#);
            assert_eq!(fault(&body).0, "/lines/0/quantity", "{number}");
        }
    }

    #[test]
    fn a_nul_is_found_wherever_it_hides() {
        let nul = "must not contain the character NUL";
        assert_eq!(
            fault(r#"{"lines":[{"name":"a\u0000b","quantity":1}]}"#),
            ("/lines/0/name".into(), nul.into())
        );
        assert_eq!(fault(r#"{"lines":[],"other":"\u0000"}"#), ("/other".into(), nul.into()));
        assert!(parse::<Basket>(br#"{"lines":[{"name":"a\\u0000b","quantity":1}]}"#).is_ok());
        // Where unknown fields are passed over, it could hide behind one that no parser gets through.
        let deep = format!(r#"{{"word":"a\u0000b","own":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        let problem = parse::<Word>(deep.as_bytes()).unwrap_err();
        assert_eq!(problem.code(), "invalid_body", "{problem}");
        assert!(parse::<Word>(deep.replace(r"\u0000", "").as_bytes()).is_ok());
    }

    #[test]
    fn what_is_not_json_is_400() {
        for text in
            ["{", "nope", "{\"lines\":[]} x", "{\"lines\":[\"\\ud800\"]}", "{'lines':[]}", "\u{feff}{}"]
        {
            assert_eq!(refused(text).code(), "invalid_json", "{text}");
        }
        assert_eq!(parse::<Basket>(b"\xff\xfe").unwrap_err().code(), "invalid_json");
        let deep = "[".repeat(10_000);
        assert_eq!(refused(&format!("{{\"x\":{deep}")).code(), "invalid_body");
    }

    #[test]
    fn another_shape_is_named_in_the_words_of_json() {
        assert_eq!(fault("[]"), (String::new(), "must be an object".into()));
        assert_eq!(fault("null"), (String::new(), "must be an object".into()));
        assert_eq!(fault(r#"{"lines":{}}"#).1, "invalid type: object, expected an array");
        let (pointer, rule) = fault(r#"{"lines":[["a",1]]}"#);
        assert_eq!(
            (pointer.as_str(), rule.as_str()),
            ("/lines/0", "invalid type: array, expected an object")
        );
    }

    #[test]
    fn the_content_type_must_say_json() {
        let says = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, text.parse().unwrap());
            says_json(&headers)
        };
        assert!(
            says("application/json") && says("Application/JSON; charset=utf-8") && says("application/a+json")
        );
        assert!(!says("text/json") && !says("application/jsonp") && !says_json(&HeaderMap::new()));
    }
}
