//! Commands as one types them into a shell.

/// A command that can be copied into a shell.
pub(super) fn typed(program: &str, arguments: &[impl AsRef<str>]) -> String {
    arguments.iter().fold(program.to_owned(), |line, argument| line + " " + &quoted(argument.as_ref()))
}

/// A word that a shell reads as it is.
pub(super) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%,+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The command with which a person places an order by hand.
pub(super) fn curl(url: &str) -> String {
    // No two runs of it place two orders, unless the key is changed: that is shown by the way.
    format!(
        "curl -sS {url}/api/v1/orders \\\n    \
         -H 'content-type: application/json' -H 'idempotency-key: my-first-order' \\\n    \
         -d '{{\"lines\":[{{\"sku\":\"latte\",\"size\":\"big\",\"quantity\":1}}],\"contact\":{{\"name\":\"Grace\"}},\
         \"fulfilment\":{{\"type\":\"pickup\"}},\"payment\":{{\"method\":\"tok_ok\"}}}}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_is_typed() {
        let arguments =
            ["order", "place", "--line=a:big:2", "--street", "Hauptstr. 1", "--name", "O'Neil", ""];
        assert_eq!(
            typed("spindle", &arguments),
            r"spindle order place --line=a:big:2 --street 'Hauptstr. 1' --name 'O'\''Neil' ''"
        );
    }

    #[test]
    fn the_order_by_hand_is_json() {
        let line = curl("http://127.0.0.1:7070");
        let body = line.split("-d '").nth(1).and_then(|rest| rest.strip_suffix('\'')).expect("a body");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["lines"][0]["sku"], "latte");
    }
}
