//! HTTP clients for the world outside, built in one place.
//!
//! **Invariant:** no client made here follows a redirect, uses a system proxy, or waits without a limit.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, RequestBuilder, Response, Url, redirect};

/// The longest answer that is read, in bytes: an answer about one payment has less than a thousandth of it.
pub const LONGEST_ANSWER: usize = 1024 * 1024;

/// How long a client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For all of it: connection, request and answer.
    pub total: Duration,
}

impl Default for Patience {
    /// 2 s for a connection and 10 s for all of it.
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), total: Duration::from_secs(10) }
    }
}

/// Why there is no client for an address.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It cannot be read.
    #[error("{url:?} is not an address such as https://pay.example.com: {why}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client cannot be built, as when a system has no certificates at all.
    #[error("no HTTP client can be built: {0}")]
    Client(String),
}

/// A server's base address, with a client for it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    client: Client,
    base: Url,
}

impl Endpoint {
    /// Reads the address and builds the client. For `http:` no certificates are loaded, so that simulators and
    /// tests work on a machine that has none.
    ///
    /// # Errors
    /// [`EndpointError`] when the address is not plain `http` or `https` with a host, or holds a password, a query
    /// or a fragment; or when the client cannot be built.
    pub fn new(url: &str, patience: Patience) -> Result<Self, EndpointError> {
        let wrong = |why: &str| EndpointError::Address { url: url.to_owned(), why: why.to_owned() };
        let base = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !base.username().is_empty() || base.password().is_some() {
            // The address is not repeated: it holds a secret.
            let (url, why) = ("(hidden)".to_owned(), "it must not hold a name or a password".to_owned());
            return Err(EndpointError::Address { url, why });
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(wrong("it must not hold a query or a fragment"));
        }
        let client = match (base.scheme(), base.host_str()) {
            ("http", Some(_)) => plain_client(patience)?,
            ("https", Some(_)) => build(builder(patience))?,
            _ => return Err(wrong("it must begin with http:// or https:// and name a host")),
        };
        Ok(Self { client, base })
    }

    /// The address of a resource: the segments are encoded, so that none can break out of its place.
    #[must_use]
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// A read.
    pub fn get(&self, segments: &[&str]) -> RequestBuilder {
        self.client.get(self.url(segments))
    }

    /// A write.
    pub fn post(&self, segments: &[&str]) -> RequestBuilder {
        self.client.post(self.url(segments))
    }

    /// The address itself.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The client itself.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// A client for `http:` alone: it trusts no certificate, and so needs none on the machine.
///
/// # Errors
/// [`EndpointError::Client`] when the system refuses.
pub fn plain_client(patience: Patience) -> Result<Client, EndpointError> {
    build(builder(patience).tls_certs_only([]))
}

fn builder(patience: Patience) -> ClientBuilder {
    Client::builder()
        .connect_timeout(patience.connect)
        .timeout(patience.total)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("spindle/", env!("CARGO_PKG_VERSION")))
}

fn build(builder: ClientBuilder) -> Result<Client, EndpointError> {
    choose_cryptography();
    builder.build().map_err(|error| EndpointError::Client(chain(&error)))
}

/// Reads an answer's body.
///
/// # Errors
/// A sentence, when the connection broke or the answer is longer than [`LONGEST_ANSWER`].
pub async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
        if body.len().saturating_add(chunk.len()) > LONGEST_ANSWER {
            return Err(format!("the answer is longer than {LONGEST_ANSWER} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with everything that caused it: reqwest's own text leaves the cause out.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Chooses ring for all of rustls in this process.
fn choose_cryptography() {
    match rustls::crypto::ring::default_provider().install_default() {
        // The second means that it was chosen before, here or by the broker's client: nothing is left to do.
        Ok(()) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_in_their_place() {
        let endpoint = Endpoint::new("http://127.0.0.1:1/pay/", Patience::default()).unwrap();
        let url = endpoint.url(&["v1", "payments", "../a?b#c/d", "capture"]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/pay/v1/payments/..%2Fa%3Fb%23c%2Fd/capture");
    }

    #[test]
    fn an_address_is_plain_http_without_secrets() {
        for wrong in ["", "pay.example.com", "ftp://a/", "unix:/a", "http://a/?k=1", "http://a/#k"] {
            assert!(Endpoint::new(wrong, Patience::default()).is_err(), "{wrong:?} was taken");
        }
        let error = Endpoint::new("http://me:s3cret@a/", Patience::default()).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
