//! Signed callbacks and webhooks, after [Standard Webhooks](https://www.standardwebhooks.com): HMAC-SHA256 over
//! `{id}.{timestamp}.{raw body}`, in three headers.
//!
//! **Invariant:** signatures are compared in constant time, and the clock is an argument.

use std::fmt;

use axum::http::HeaderMap;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Names the message: the same for every delivery of it.
pub const ID: &str = "webhook-id";
/// Seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// One or more `v1,<base64>`, separated by spaces.
pub const SIGNATURE: &str = "webhook-signature";

/// How far a timestamp may be from now, either way: the window that Standard Webhooks recommends.
pub const WINDOW: Duration = Duration::minutes(5);

/// The longest id, in bytes: ids are stored to recognise duplicates.
const LONGEST_ID: usize = 200;
/// How many signatures of one message are looked at: a few secrets in rotation, with room.
const MOST_SIGNATURES: usize = 16;
/// The shortest secret, in bytes: half of what the hash gives.
const SHORTEST_SECRET: usize = 16;

/// Base64 as people paste it: with padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret that both sides know. Not shown by `Debug`.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

/// Why a text is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It begins with `whsec_`, but no base64 follows.
    #[error("what follows whsec_ is not base64")]
    Base64,
    /// Easily guessed.
    #[error("a signing secret must have at least {SHORTEST_SECRET} bytes, this one has {0}")]
    Short(usize),
    /// The hash does not take it.
    #[error("the secret cannot be used")]
    Unusable,
}

impl Secret {
    /// Reads `whsec_` and base64, or takes any other text as it is.
    ///
    /// # Errors
    /// [`SecretError`] when it is shorter than 16 bytes, or not base64 after `whsec_`.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        let bytes = match text.strip_prefix("whsec_") {
            Some(encoded) => LENIENT.decode(encoded).map_err(|_| SecretError::Base64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST_SECRET {
            return Err(SecretError::Short(bytes.len()));
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| SecretError::Unusable)
    }

    fn over(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The three headers of a message, signed with every secret given: two while one is being replaced.
#[must_use]
pub fn sign(secrets: &[Secret], id: &str, at: DateTime<Utc>, body: &[u8]) -> [(&'static str, String); 3] {
    let timestamp = at.timestamp().to_string();
    let signatures: Vec<_> = secrets
        .iter()
        .map(|secret| secret.over(id, &timestamp, body).finalize().into_bytes())
        .map(|code| format!("v1,{}", STANDARD.encode(code)))
        .collect();
    [(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signatures.join(" "))]
}

/// A message whose sender knows the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its id: the same when it is delivered again.
    pub id: String,
    /// When it was signed.
    pub at: DateTime<Utc>,
}

/// Why a message is not believed: which header, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is not there.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// It is there more than once.
    #[error("header {0} is given more than once")]
    Repeated(&'static str),
    /// It cannot be read.
    #[error("header {header} {why}")]
    Malformed {
        /// Which.
        header: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// Too long ago: perhaps a recording played again.
    #[error("header {TIMESTAMP} is {seconds} s old: at most 300 s are accepted")]
    Old {
        /// Its age.
        seconds: i64,
    },
    /// A clock is wrong.
    #[error("header {TIMESTAMP} is {seconds} s in the future: at most 300 s are accepted")]
    Future {
        /// How far.
        seconds: i64,
    },
    /// Another secret, or another message.
    #[error("header {SIGNATURE} holds no signature of this message with a known secret")]
    Mismatch,
}

/// Checks that a message was signed with one of the secrets, not long before `now`.
///
/// # Errors
/// [`SignatureError`], which names the header. Without any secret nothing is believed.
pub fn verify(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Verified, SignatureError> {
    let id = one(headers, ID)?;
    // The full stop separates the signed parts: within an id it could move a boundary.
    if id.is_empty() || id.len() > LONGEST_ID || id.contains('.') || !id.bytes().all(|b| b.is_ascii_graphic())
    {
        let why = "must be 1 to 200 visible characters without a full stop";
        return Err(SignatureError::Malformed { header: ID, why });
    }
    let timestamp = one(headers, TIMESTAMP)?;
    let at = moment(timestamp)
        .ok_or(SignatureError::Malformed { header: TIMESTAMP, why: "must be whole seconds since 1970" })?;
    let signatures = one(headers, SIGNATURE)?;

    let codes: Vec<Vec<u8>> = signatures
        .split(' ')
        .take(MOST_SIGNATURES)
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|encoded| LENIENT.decode(encoded).ok())
        .collect();
    if codes.is_empty() {
        return Err(SignatureError::Malformed { header: SIGNATURE, why: "must hold v1, and base64" });
    }
    // No early end: how long it takes must not tell which secret fits.
    let believed = secrets
        .iter()
        .map(|secret| secret.over(id, timestamp, body))
        .flat_map(|mac| codes.iter().map(move |code| mac.clone().verify_slice(code).is_ok()))
        .fold(false, |any, fits| any | fits);
    if !believed {
        return Err(SignatureError::Mismatch);
    }
    // Only now: to a stranger the clock is nobody's business.
    let age = now.signed_duration_since(at);
    if age > WINDOW {
        return Err(SignatureError::Old { seconds: age.num_seconds() });
    }
    if age < -WINDOW {
        return Err(SignatureError::Future { seconds: -age.num_seconds() });
    }
    Ok(Verified { id: id.to_owned(), at })
}

fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(SignatureError::Missing(name))?;
    if values.next().is_some() {
        return Err(SignatureError::Repeated(name));
    }
    value.to_str().map_err(|_| SignatureError::Malformed { header: name, why: "must be visible ASCII" })
}

fn moment(timestamp: &str) -> Option<DateTime<Utc>> {
    let plain = timestamp.len() <= 12 && timestamp.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| timestamp.parse().ok()).flatten().and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn secret(text: &str) -> Secret {
        Secret::parse(text).unwrap()
    }

    fn old() -> Secret {
        secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    }

    fn new() -> Secret {
        secret("a secret in plain words")
    }

    fn then() -> DateTime<Utc> {
        DateTime::from_timestamp(1_614_265_330, 0).unwrap()
    }

    fn headers(secrets: &[Secret]) -> HeaderMap {
        sign(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", then(), BODY)
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_example_of_the_standard_is_reproduced() {
        let headers = headers(&[old()]);
        assert_eq!(headers[SIGNATURE], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let verified = verify(&[old()], &headers, BODY, then()).unwrap();
        assert_eq!(verified, Verified { id: "msg_p5jXN8AQM9LWM0D4loKWxJek".into(), at: then() });
    }

    #[test]
    fn what_was_changed_on_the_way_is_not_believed() {
        let good = headers(&[old()]);
        assert_eq!(verify(&[old()], &good, b"{}", then()), Err(SignatureError::Mismatch));
        for (name, value) in [(ID, "msg_other"), (TIMESTAMP, "1614265331")] {
            let mut bad = good.clone();
            bad.insert(name, value.parse().unwrap());
            assert_eq!(verify(&[old()], &bad, BODY, then()), Err(SignatureError::Mismatch), "{name}");
        }
        assert_eq!(verify(&[new()], &good, BODY, then()), Err(SignatureError::Mismatch));
        assert_eq!(verify(&[], &good, BODY, then()), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_message_is_believed_for_five_minutes() {
        let headers = headers(&[old()]);
        let at = |seconds| verify(&[old()], &headers, BODY, then() + Duration::seconds(seconds));
        assert!(at(300).is_ok());
        assert_eq!(at(301), Err(SignatureError::Old { seconds: 301 }));
        assert!(at(-300).is_ok());
        assert_eq!(at(-301), Err(SignatureError::Future { seconds: 301 }));
    }

    #[test]
    fn during_a_rotation_either_secret_is_believed_on_either_side() {
        assert!(verify(&[new(), old()], &headers(&[old()]), BODY, then()).is_ok());
        assert!(verify(&[new(), old()], &headers(&[new()]), BODY, then()).is_ok());
        assert!(verify(&[old()], &headers(&[new(), old()]), BODY, then()).is_ok());
    }

    #[test]
    fn an_error_names_the_header() {
        for name in [ID, TIMESTAMP, SIGNATURE] {
            let mut bad = headers(&[old()]);
            bad.remove(name);
            assert_eq!(verify(&[old()], &bad, BODY, then()), Err(SignatureError::Missing(name)));
            let mut bad = headers(&[old()]);
            bad.append(name, "x".parse().unwrap());
            assert_eq!(verify(&[old()], &bad, BODY, then()), Err(SignatureError::Repeated(name)));
        }
        for (name, value) in [
            (ID, ""),
            (ID, "msg.1"),
            (TIMESTAMP, "yesterday"),
            (TIMESTAMP, "-1"),
            (TIMESTAMP, "99999999999999999999"),
            (SIGNATURE, "v2,AAAA"),
            (SIGNATURE, "v1,*"),
        ] {
            let mut bad = headers(&[old()]);
            bad.insert(name, value.parse().unwrap());
            let error = verify(&[old()], &bad, BODY, then()).unwrap_err();
            assert!(matches!(error, SignatureError::Malformed { header, .. } if header == name), "{error}");
        }
    }

    #[test]
    fn an_unknown_version_beside_a_good_signature_does_no_harm() {
        let mut mixed = headers(&[old()]);
        let value = format!("v1a,abc v1,AAAA {}", mixed[SIGNATURE].to_str().unwrap());
        mixed.insert(SIGNATURE, value.parse().unwrap());
        assert!(verify(&[old()], &mixed, BODY, then()).is_ok());
    }

    #[test]
    fn a_secret_is_long_enough_and_never_shown() {
        assert_eq!(Secret::parse("short").unwrap_err(), SecretError::Short(5));
        assert_eq!(Secret::parse("whsec_????").unwrap_err(), SecretError::Base64);
        assert_eq!(format!("{:?}", old()), "Secret(hidden)");
    }
}
