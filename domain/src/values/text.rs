//! Text with rules.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Refuses what Postgres cannot hold and what no screen can show.
fn clean(text: &str, longest: usize) -> Result<&str, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::new("must not be empty"));
    }
    if text.chars().count() > longest {
        return Err(Invalid::new(format!("must not be longer than {longest} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Invalid::new("must not contain control characters"));
    }
    Ok(text)
}

/// A short name in lower case: what one types, links to and sorts by.
pub(super) fn slug(text: &str) -> Result<String, Invalid> {
    let fits = (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Invalid::new(
            "must be 1 to 64 letters, digits, '-', '_' or '.', beginning with a letter or digit",
        ))
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident ($check:expr)),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// When the text breaks the rule that the type states.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                let check: fn(&str) -> Result<String, Invalid> = $check;
                check(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// A remark: 1 to 2,000 characters, no control characters but line breaks and tabs.
    Note(|text| clean(text, 2_000).map(str::to_owned)),
    /// A person's name: 1 to 200 characters on one line.
    PersonName(|text| match clean(text, 200)? {
        name if name.contains('\n') => Err(Invalid::new("must be on one line")),
        name => Ok(name.to_owned()),
    }),
    /// An e-mail address: one `@` with something on both sides, no spaces, at most 254 characters (RFC 5321).
    Email(email),
    /// A telephone number: 5 to 20 digits, spaces, dashes, dots and brackets, perhaps after a `+`.
    Phone(phone),
    /// What a client pays with: a provider's token, 1 to 200 printable characters. Never a card number.
    PaymentMethod(method),
}

fn email(text: &str) -> Result<String, Invalid> {
    let text = clean(text, 254)?;
    match text.split_once('@') {
        Some((name, host))
            if !name.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !text.contains(char::is_whitespace) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Invalid::new("must be an e-mail address such as ada@example.com")),
    }
}

fn phone(text: &str) -> Result<String, Invalid> {
    let text = clean(text, 32)?;
    let rest = text.strip_prefix('+').unwrap_or(text);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let known = rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/'));
    if known && (5..=20).contains(&digits) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new("must be a telephone number such as +49 30 1234567"))
    }
}

fn method(text: &str) -> Result<String, Invalid> {
    let text = clean(text, 200)?;
    if text.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(Invalid::new("must be a provider's token without spaces"));
    }
    if text.len() >= 12 && text.chars().all(|c| c.is_ascii_digit()) {
        return Err(Invalid::new("must be a provider's token, never a card number"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("ada@example.com", true)]
    #[case("ada", false)]
    #[case("@example.com", false)]
    #[case("a b@example.com", false)]
    #[case("a@b@c", false)]
    fn an_email_has_two_sides(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(Email::parse(text).is_ok(), fits);
    }

    #[rstest]
    #[case("\0")]
    #[case("")]
    #[case("  ")]
    #[case("a\u{7}b")]
    fn a_note_holds_only_what_can_be_stored_and_shown(#[case] text: &str) {
        assert!(Note::parse(text).is_err());
        assert!(serde_json::from_value::<Note>(serde_json::json!(text)).is_err());
    }

    #[test]
    fn a_card_number_is_not_a_payment_method() {
        assert!(PaymentMethod::parse("4242424242424242").is_err());
        assert!(PaymentMethod::parse("tok_ok").is_ok());
    }
}
