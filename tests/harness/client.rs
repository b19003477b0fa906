//! A client of Spindle's API, as an outside program would be one.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use spindle_commands::effects::http::Patience;
use uuid::Uuid;

/// Speaks with one server.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when there is none.
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// When it is none; shows what was answered.
    pub fn ok(self) -> Result<Value> {
        ensure!((200..300).contains(&self.status), "answered {}: {}", self.status, self.body);
        Ok(self.body)
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The position of the command's last event.
    ///
    /// # Errors
    /// When the answer does not tell.
    pub fn position(&self) -> Result<i64> {
        Ok(self.header("spindle-position").context("no Spindle-Position")?.parse()?)
    }
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:7070`.
    ///
    /// # Panics
    /// When this machine cannot make HTTP clients at all.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let http =
            spindle_commands::effects::http::plain_client(Patience::default()).expect("an HTTP client");
        Self { base: base.to_owned(), http }
    }

    /// Sends a request with anything in it.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer> {
        let method = Method::from_bytes(method.as_bytes())?;
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Answer { status, headers, body })
    }

    /// Reads.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[], None).await
    }

    /// Posts JSON under a key of its own.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.post_as(path, body, &Uuid::new_v4().to_string()).await
    }

    /// Posts JSON under a given idempotency key.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn post_as(&self, path: &str, body: &Value, key: &str) -> Result<Answer> {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send("POST", path, &headers, Some(body.to_string().into_bytes())).await
    }

    /// An order as it reads now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn order(&self, id: &str) -> Result<Value> {
        self.get(&format!("/api/v1/orders/{id}")).await?.ok()
    }

    /// Every row of a list, page after page.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn all(&self, path: &str, field: &str) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                Some(cursor) => format!("{path}{joint}limit=200&cursor={cursor}"),
                None => format!("{path}{joint}limit=200"),
            };
            let body = self.get(&page).await?.ok()?;
            rows.extend(body[field].as_array().cloned().unwrap_or_default());
            match body["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(rows),
            }
        }
    }
}
