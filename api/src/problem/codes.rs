//! The table of everything that the edge itself refuses. What the domain refuses has its own codes, which are
//! documented with the rules.

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $code:literal $title:literal;)*) => {
        /// What the edge refuses, and what cannot be done now.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name: the end of the problem's `type`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// In a few words, the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// With which status it is answered.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON at all.
    InvalidJson = BAD_REQUEST "invalid_json" "The body is not JSON";
    /// A body is needed and none came.
    BodyMissing = BAD_REQUEST "body_missing" "A body is missing";
    /// The client stopped in the middle of the body.
    BodyInterrupted = BAD_REQUEST "body_interrupted" "The body ended early";
    /// A callback without a good signature.
    InvalidSignature = UNAUTHORIZED "invalid_signature" "The signature is not believed";
    /// No route has that address.
    NotFound = NOT_FOUND "not_found" "Nothing is at this address";
    /// The address knows other methods.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The method is not allowed here";
    /// The first request with this key is not answered yet.
    KeyInFlight = CONFLICT "idempotency_key_in_flight" "The first request with this key is under way";
    /// `If-Match` names another version.
    VersionMismatch = PRECONDITION_FAILED "version_mismatch" "The resource has another version";
    /// More bytes than are read.
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large" "The body is too large";
    /// The body claims to be something else than JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body must be JSON";
    /// JSON, but not what is asked for here.
    InvalidBody = UNPROCESSABLE_ENTITY "invalid_body" "The body breaks a rule";
    /// A part of the path or the query breaks a rule.
    InvalidParameter = UNPROCESSABLE_ENTITY "invalid_parameter" "A parameter breaks a rule";
    /// A header breaks a rule.
    InvalidHeader = UNPROCESSABLE_ENTITY "invalid_header" "A header breaks a rule";
    /// The key came with another request before.
    KeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused" "The key was used for another request";
    /// A defect of Spindle.
    Internal = INTERNAL_SERVER_ERROR "internal_error" "Something is broken in Spindle";
    /// Events that this version cannot read.
    Unreadable = INTERNAL_SERVER_ERROR "history_unreadable" "The stored history cannot be read";
    /// The database is away; nothing was stored.
    Unavailable = SERVICE_UNAVAILABLE "log_unavailable" "The event log is not available";
    /// The database is away.
    ViewsUnavailable = SERVICE_UNAVAILABLE "views_unavailable" "The views are not available";
    /// The database stopped answering in the middle.
    OutcomeUnknown = SERVICE_UNAVAILABLE "outcome_unknown" "Whether it was stored is not known";
    /// Every place is taken.
    Overloaded = SERVICE_UNAVAILABLE "overloaded" "Too much is waiting";
    /// It took too long.
    TimedOut = SERVICE_UNAVAILABLE "request_timed_out" "The answer took too long";
    /// What was written is not readable yet.
    ProjectionBehind = SERVICE_UNAVAILABLE "projection_behind" "The view is not up to date yet";
    /// What was written is not readable before an operator has looked.
    ProjectionParked = SERVICE_UNAVAILABLE "projection_parked" "The view waits for an operator";
}
