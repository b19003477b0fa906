//! A problem document of the API, for people.

use std::fmt;

use serde::Deserialize;

use super::exit::Exit;
use super::output::{drawn, plain, table};

/// The API's no.
#[derive(Debug)]
pub(super) struct Refused {
    status: u16,
    body: String,
    document: Document,
}

/// What is read of a problem document (RFC 9457). All of it may be missing: a gateway may have answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    r#type: String,
    title: String,
    detail: String,
    errors: Vec<Fault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fault {
    pointer: Option<String>,
    parameter: Option<String>,
    header: Option<String>,
    rule: String,
}

impl Fault {
    fn place(&self) -> String {
        match self {
            Self { pointer: Some(pointer), .. } if pointer.is_empty() => "the body".to_owned(),
            Self { pointer: Some(pointer), .. } => pointer.clone(),
            Self { parameter: Some(name), .. } => format!("parameter {name}"),
            Self { header: Some(name), .. } => format!("header {name}"),
            Self { .. } => String::new(),
        }
    }
}

impl Refused {
    /// Reads what was answered with a status that is no success.
    pub(super) fn read(status: u16, body: String) -> Self {
        let document = serde_json::from_str(&body).unwrap_or_default();
        Self { status, body, document }
    }

    pub(super) fn exit(&self) -> Exit {
        Exit::of_status(self.status)
    }

    /// As it was answered.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// Title, detail, and each place with the rule that it breaks.
    pub(super) fn render(&self) -> String {
        let Document { title, detail, errors, .. } = &self.document;
        if title.is_empty() {
            return format!("The server answered {} and gave no reason.", self.status);
        }
        let mut text = format!("{} ({})", plain(title), self.name());
        // The detail of a problem with one fault often says that fault and no more.
        let repeats =
            matches!(errors.as_slice(), [fault] if !fault.rule.is_empty() && detail.ends_with(&fault.rule));
        if !detail.is_empty() && !repeats {
            text = format!("{text}\n{}", plain(detail));
        }
        if errors.is_empty() {
            return text;
        }
        let mut faults = table(&[]);
        for fault in errors {
            faults.add_row([format!("  {}", plain(&fault.place())), plain(&fault.rule)]);
        }
        format!("{text}\n{}", drawn(faults))
    }

    /// `422 invalid_body`.
    fn name(&self) -> String {
        let kind = self.document.r#type.rsplit('/').next().unwrap_or_default();
        format!("{} {}", self.status, plain(kind)).trim_end().to_owned()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Code, Place, Problem};
    use axum::response::IntoResponse as _;

    async fn answered(problem: Problem) -> Refused {
        let response = problem.into_response();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 65_536).await.unwrap();
        Refused::read(status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_place_stands_beside_the_rule_that_it_breaks() {
        let problem = Problem::body("/lines/0/quantity", "must be a whole number from 1 to 1000000")
            .and(Place::Pointer("/contact/email".into()), "must be an e-mail address")
            .and(Place::Header("idempotency-key"), "must not be given more than once");
        assert_eq!(
            answered(problem).await.render(),
            "The body breaks a rule (422 invalid_body)\n\
             /lines/0/quantity: must be a whole number from 1 to 1000000\n  \
             /lines/0/quantity       must be a whole number from 1 to 1000000\n  \
             /contact/email          must be an e-mail address\n  \
             header idempotency-key  must not be given more than once"
        );
    }

    #[tokio::test]
    async fn a_single_fault_is_told_once() {
        assert_eq!(
            answered(Problem::parameter("status", "must be paid")).await.render(),
            "A parameter breaks a rule (422 invalid_parameter)\n  parameter status  must be paid"
        );
    }

    #[tokio::test]
    async fn a_problem_without_places_is_title_and_detail() {
        let refused = answered(Problem::new(Code::Overloaded, "Too many requests are being answered.")).await;
        assert_eq!(
            refused.render(),
            "Too much is waiting (503 overloaded)\nToo many requests are being answered."
        );
        assert_eq!(refused.exit(), Exit::Unreachable);
    }

    #[test]
    fn an_answer_that_is_no_problem_document_is_told_by_its_status() {
        for body in ["", "<html>bad gateway</html>", "[]", "{\"title\":3}"] {
            let refused = Refused::read(502, body.to_owned());
            assert_eq!(refused.render(), "The server answered 502 and gave no reason.", "{body}");
            assert_eq!(refused.exit(), Exit::Unreachable);
        }
    }

    #[test]
    fn a_terminal_is_not_commanded_by_what_it_shows() {
        let body = r#"{"title":"a\u001b[2Jb","detail":"c\nd","errors":[{"pointer":"/\u0007","rule":"e"}]}"#;
        let text = Refused::read(422, body.to_owned()).render();
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}
