//! W3C trace context: where a request came from, and what everything done for it carries on.
//!
//! **Invariant:** a header that is not a trace context is never passed on.

use axum::http::HeaderMap;
use uuid::Uuid;

/// The header of W3C trace context.
pub(super) const TRACEPARENT: &str = "traceparent";
/// Answers the trace alone, for people who look for it.
pub(super) const TRACE: &str = "spindle-trace";

/// The trace that a request belongs to, and its own span in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// 32 hexadecimal digits.
    id: String,
    /// 16 hexadecimal digits.
    span: String,
    /// 2 hexadecimal digits: whether the trace is sampled.
    flags: String,
}

impl Trace {
    /// The trace of a request: the caller's if it sent one, a new one otherwise, with a new span.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let span = format!("{:016x}", short(Uuid::new_v4()));
        let sent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parts);
        match sent {
            Some((id, flags)) => Self { id, span, flags },
            None => Self { id: Uuid::new_v4().simple().to_string(), span, flags: "01".to_owned() },
        }
    }

    /// As it is passed on.
    pub(super) fn parent(&self) -> String {
        format!("00-{}-{}-{}", self.id, self.span, self.flags)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// Half of a random UUID; never all zero, because the version is in it.
fn short(id: Uuid) -> u64 {
    id.as_u64_pair().0
}

/// Trace and flags of a `traceparent`. A later version may have more parts; the first four keep their meaning.
fn parts(text: &str) -> Option<(String, String)> {
    let mut parts = text.trim().split('-');
    let [version, trace, span, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let fits = hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && !zero(trace)
        && hex(span, 16)
        && !zero(span)
        && hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    fits.then(|| (trace.to_owned(), flags.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn of(text: &str) -> Trace {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, text.parse().unwrap());
        Trace::of(&headers)
    }

    #[test]
    fn a_trace_that_was_begun_goes_on_with_a_new_span() {
        let trace = of(SENT);
        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(trace.span, "00f067aa0ba902b7");
        assert!(trace.parent().ends_with("-00"), "{trace:?}");
        assert!(parts(&trace.parent()).is_some());
    }

    #[test]
    fn without_a_good_one_a_trace_begins() {
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for wrong in
            ["", "nonsense", zeros, &SENT.to_uppercase(), &SENT.replace("00-4", "ff-4"), &format!("{SENT}-x")]
        {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
        assert!(parts(&Trace::of(&HeaderMap::new()).parent()).is_some());
        assert!(
            parts(&format!("{}-x", SENT.replace("00-4", "01-4"))).is_some(),
            "a later version may say more"
        );
    }
}
