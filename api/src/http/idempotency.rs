//! `Idempotency-Key`: the same request under the same key counts once.
//!
//! **Invariant:** a key is never looked at apart from its caller: nobody meets another's answers.

use axum::http::{HeaderMap, Method};
use sha2::{Digest, Sha256};
use spindle_eventlog::Claim;

use crate::problem::Problem;

/// The header that carries the key.
pub(super) const KEY: &str = "idempotency-key";
/// The longest key, in bytes: keys are stored.
const LONGEST: usize = 255;

/// The key of a request, if it has one.
///
/// # Errors
/// When it is not 1 to 255 visible ASCII characters, or is there more than once.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let fits = (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        _ if values.next().is_some() => Err(Problem::header(KEY, "must not be given more than once")),
        Ok(key) if fits => Ok(Some(key)),
        _ => Err(Problem::header(KEY, "must be 1 to 255 visible ASCII characters")),
    }
}

/// What the key stands for: this question and no other.
pub(super) fn claim(scope: String, key: &str, method: &Method, path: &str, body: &[u8]) -> Claim {
    Claim { scope, key: key.to_owned(), fingerprint: fingerprint(method, path, body) }
}

/// A digest of method, path and body. Each part is ended by a byte that it cannot hold.
fn fingerprint(method: &Method, path: &str, body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), b"\n", path.as_bytes(), b"\n", body] {
        hash.update(part);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY, axum::http::HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_is_up_to_255_visible_characters() {
        assert_eq!(key(&with(&[])).unwrap(), None);
        assert_eq!(key(&with(&[b"a"])).unwrap(), Some("a"));
        assert!(key(&with(&[&[b'k'; 255]])).is_ok());
        for wrong in [&b""[..], b"a b", b"\xff", "ü".as_bytes(), &[b'k'; 256]] {
            assert_eq!(key(&with(&[wrong])).unwrap_err().code(), "invalid_header", "{wrong:?}");
        }
        assert!(key(&with(&[b"a", b"b"])).is_err());
    }

    #[test]
    fn another_question_has_another_fingerprint() {
        let of = |method, path, body: &[u8]| fingerprint(&method, path, body);
        let first = of(Method::POST, "/orders", b"{}");
        assert_eq!(first, of(Method::POST, "/orders", b"{}"));
        assert_ne!(first, of(Method::PUT, "/orders", b"{}"));
        assert_ne!(first, of(Method::POST, "/order", b"s\n{}"));
        assert_ne!(first, of(Method::POST, "/orders", b"{} "));
    }
}
