//! A running server, asked over HTTP.
//!
//! **Invariant:** nothing is sent twice: whoever repeats a command does so knowingly, under the same key.

use anyhow::Context as _;
use clap::Args;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use spindle_commands::effects::http::{Endpoint, Patience, chain};
use std::time::Duration;

use super::exit::{Unreachable, Usage};
use super::problem::Refused;

/// How long a connection may take: the server is on this machine or in the same house.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take: three times what the server allows itself.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes: ten times a full page of orders with a hundred lines each.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;
/// Under what every resource lies.
const BASE: [&str; 2] = ["api", "v1"];

/// Which server, and in whose name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerArgs {
    /// The server's address
    #[arg(
        long,
        global = true,
        env = "SPINDLE_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7070",
        value_name = "URL"
    )]
    url: String,
    /// In whose name; one that begins with "operator" may do what operators may
    #[arg(long = "as", global = true, env = "SPINDLE_ACTOR", value_name = "NAME")]
    actor: Option<String>,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    endpoint: Endpoint,
    actor: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The body as it came.
    pub(super) text: String,
    /// The body.
    pub(super) value: Value,
    /// The position in the log that the answer has seen.
    pub(super) position: Option<i64>,
    /// The key was used before: this is the first answer again.
    pub(super) replayed: bool,
}

impl ServerArgs {
    /// The server; nothing is sent yet.
    pub(super) fn server(&self) -> anyhow::Result<Server> {
        let patience = Patience { connect: CONNECT, total: ANSWER };
        let endpoint =
            Endpoint::new(&self.url, patience).map_err(|error| Usage(format!("--url: {error}")))?;
        Ok(Server { endpoint, actor: self.actor.clone().filter(|name| !name.is_empty()) })
    }
}

impl Server {
    /// Asks.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Answer> {
        self.send(self.endpoint.get(&under(path)).query(query)).await
    }

    /// Tells, under a key.
    pub(super) async fn post(&self, path: &[&str], key: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
        let request = self.endpoint.post(&under(path)).header("idempotency-key", key);
        self.send(request.header("content-type", "application/json").body(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let request = match &self.actor {
            Some(actor) => request.header("spindle-actor", actor),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let status = response.status().as_u16();
        let position = header(&response, "spindle-position").and_then(|text| text.parse().ok());
        let replayed = header(&response, "idempotent-replayed") == Some("true");
        let text = self.body(response).await?;
        if !(200..300).contains(&status) {
            return Err(Refused::read(status, text).into());
        }
        let value = serde_json::from_str(&text).with_context(|| {
            format!("{} did not answer with JSON: is that Spindle?", self.endpoint.base())
        })?;
        Ok(Answer { text, value, position, replayed })
    }

    async fn body(&self, mut response: Response) -> anyhow::Result<String> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            anyhow::ensure!(
                body.len().saturating_add(chunk.len()) <= LONGEST_ANSWER,
                "the answer is longer than {LONGEST_ANSWER} bytes: ask for less with --limit"
            );
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).context("the answer is not UTF-8")
    }

    fn failed(&self, error: reqwest::Error) -> anyhow::Error {
        if error.is_builder() {
            return Usage(format!("this cannot be sent: {}", chain(&error.without_url()))).into();
        }
        let connected = !error.is_connect();
        let why = format!("{} does not answer: {}", self.endpoint.base(), chain(&error.without_url()));
        if connected { Unreachable::after(why).into() } else { Unreachable::before(why).into() }
    }
}

fn under<'a>(path: &[&'a str]) -> Vec<&'a str> {
    BASE.iter().chain(path).copied().collect()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use axum::Router;
    use axum::body::Bytes;
    use axum::extract::OriginalUri;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::{get, post};
    use tokio::net::TcpListener;

    fn args(url: &str) -> ServerArgs {
        ServerArgs { url: url.to_owned(), actor: Some("operator:ann".to_owned()) }
    }

    async fn serving(router: Router) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        args(&url).server().unwrap()
    }

    #[tokio::test]
    async fn what_is_asked_and_told_arrives_with_name_and_key() {
        let echo = |OriginalUri(uri): OriginalUri, headers: HeaderMap, body: Bytes| async move {
            let sent = |name| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
            let body = String::from_utf8(body.to_vec()).unwrap();
            let told = serde_json::json!({
                "uri": uri.to_string(), "key": sent("idempotency-key"), "actor": sent("spindle-actor"), "body": body,
            });
            ([("spindle-position", "7"), ("idempotent-replayed", "true")], told.to_string())
        };
        let server = serving(Router::new().fallback(echo)).await;
        let asked = server.get(&["orders"], &[("q", "a b&c".to_owned())]).await.unwrap();
        assert_eq!(asked.value["uri"], "/api/v1/orders?q=a+b%26c");
        assert_eq!((asked.position, asked.replayed), (Some(7), true));
        assert_eq!(asked.value, serde_json::from_str::<Value>(&asked.text).unwrap());
        let told = server.post(&["orders", "a/b", "pay"], "k1", b"{}".to_vec()).await.unwrap();
        assert_eq!(told.value["uri"], "/api/v1/orders/a%2Fb/pay");
        assert_eq!((&told.value["key"], &told.value["actor"]), (&"k1".into(), &"operator:ann".into()));
        assert_eq!(told.value["body"], "{}");
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_status_and_its_body() {
        let no = || async { (StatusCode::CONFLICT, r#"{"title":"No","detail":"Not now."}"#) };
        let server = serving(Router::new().route("/api/v1/orders/x/pay", post(no))).await;
        let error = server.post(&["orders", "x", "pay"], "k", Vec::new()).await.unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Conflict);
        assert_eq!(error.downcast_ref::<Refused>().unwrap().render(), "No (409)\nNot now.");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_json_is_a_failure() {
        let server = serving(Router::new().route("/api/v1/orders", get(|| async { "hello" }))).await;
        let error = server.get(&["orders"], &[]).await.unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Failed);
        assert!(error.to_string().contains("is that Spindle?"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = args(&url).server().unwrap().get(&["orders"], &[]).await.unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Unreachable);
        assert!(error.to_string().contains(&url), "{error}");
    }

    #[test]
    fn an_address_that_is_none_is_a_matter_of_usage() {
        let error = args("http://me:s3cret@a/").server().unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
