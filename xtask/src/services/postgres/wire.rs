//! The few words of PostgreSQL's protocol (version 3.0) that a private server needs: open a session
//! under trust authentication, run a statement, read the refusal. No rows, no passwords.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::services::net;

/// A message of ours is a handful of bytes; a server that announces more is none.
const MESSAGE_LIMIT: usize = 1 << 20;

/// An open session.
pub(super) struct Session {
    stream: TcpStream,
}

impl Session {
    /// Logs in. `silence` bounds each wait for an answer.
    pub(super) fn open(port: u16, user: &str, database: &str, silence: Duration) -> Result<Self> {
        let stream = net::connect(port, silence).with_context(|| format!("port {port} does not answer"))?;
        let mut session = Self { stream };
        let mut body = 196_608_u32.to_be_bytes().to_vec(); // protocol 3.0
        for word in ["user", user, "database", database] {
            push_word(&mut body, word)?;
        }
        body.push(0);
        session.send(None, &body)?;
        session.until_ready()?;
        Ok(session)
    }

    /// Runs one statement and forgets what it returns.
    pub(super) fn execute(&mut self, sql: &str) -> Result<()> {
        let mut body = Vec::new();
        push_word(&mut body, sql)?;
        self.send(Some(b'Q'), &body)?;
        self.until_ready().with_context(|| format!("`{sql}`"))
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> Result<()> {
        let length = u32::try_from(body.len() + 4).context("the message is too long")?;
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message).context("the connection broke")
    }

    /// Reads up to "ready for query"; an error on the way is returned once the server is ready again.
    fn until_ready(&mut self) -> Result<()> {
        let mut refusal = None;
        loop {
            let (kind, body) = match self.receive() {
                Ok(message) => message,
                // After a fatal error the server hangs up without becoming ready.
                Err(error) => return Err(refusal.map_or(error, |text: String| anyhow::anyhow!(text))),
            };
            match kind {
                b'Z' => return refusal.map_or(Ok(()), |text| bail!(text)),
                b'E' => refusal = Some(error_text(&body)),
                b'R' => ensure!(body.starts_with(&[0; 4]), "the server asks for a password"),
                _ => {} // parameters, notices, rows, completions
            }
        }
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0_u8; 5];
        self.stream.read_exact(&mut head).context("the server hung up")?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length))?.saturating_sub(4);
        ensure!(length <= MESSAGE_LIMIT, "that is no PostgreSQL server");
        let mut body = vec![0_u8; length];
        self.stream.read_exact(&mut body).context("the server hung up")?;
        Ok((kind, body))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A farewell saves the server a line in its log. If it does not arrive, closing says the same.
        drop(self.send(Some(b'X'), &[]));
    }
}

fn push_word(body: &mut Vec<u8>, word: &str) -> Result<()> {
    ensure!(!word.contains('\0'), "a zero byte cannot be sent to PostgreSQL");
    body.extend_from_slice(word.as_bytes());
    body.push(0);
    Ok(())
}

/// `C` (code) and `M` (message) of an error: fields of one letter and text, each closed by a zero byte.
fn error_text(body: &[u8]) -> String {
    let field = |letter: u8| {
        let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&letter))?;
        Some(String::from_utf8_lossy(&field[1..]).into_owned())
    };
    format!("{} ({})", field(b'M').unwrap_or_default(), field(b'C').unwrap_or_default())
}

/// Quotes a name so that it stands for itself in SQL.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_its_message_and_code() {
        let body = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        assert_eq!(error_text(body), "the database system is starting up (57P03)");
    }

    #[test]
    fn quotes_in_a_name_are_doubled() {
        assert_eq!(quote(r#"my"db"#), r#""my""db""#);
    }
}
