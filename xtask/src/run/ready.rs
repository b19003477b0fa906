//! Whether an address is free, and whether the server there is ready: HTTP as far as that takes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use super::say;
use crate::services::net;
use crate::services::process::wait_until;

/// How long an address may be in use: a run that was ended by Ctrl-C needs a moment to let go of it.
const FREE_PATIENCE: Duration = Duration::from_secs(15);

/// Migrations and the first connections, on a machine that may be compiling.
const READY_PATIENCE: Duration = Duration::from_mins(1);

/// How often is asked.
const POLL: Duration = Duration::from_millis(100);

/// How long one answer may take; the server gives its own checks less.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// The longest status line that is read, in bytes.
const LINE_LIMIT: u64 = 256;

/// The address, with a free port for port 0, once nobody listens there.
pub(super) fn free(address: SocketAddr) -> Result<SocketAddr> {
    if address.port() == 0 {
        return Ok(SocketAddr::new(address.ip(), net::free_port()?));
    }
    let is_free = || TcpListener::bind(address).is_ok();
    if !is_free() {
        say(&format!("{address} is in use; waiting until it is free"));
    }
    if wait_until(FREE_PATIENCE, is_free) {
        return Ok(address);
    }
    let why = TcpListener::bind(address).err().map(|error| format!(" ({error})")).unwrap_or_default();
    bail!("{address} cannot be listened at{why}; `--listen 127.0.0.1:0` takes a free port")
}

/// Waits until something answers at an address; returns why not when patience ends. `alive` fails when
/// waiting is in vain.
pub(super) fn until_open(address: SocketAddr, alive: impl FnMut() -> Result<()>) -> Result<Option<String>> {
    until(READY_PATIENCE, alive, || Ok(TcpStream::connect_timeout(&address, ANSWER_PATIENCE).map(drop)?))
}

/// Waits until the server says that it can take commands; as [`until_open`].
pub(super) fn until_ready(address: SocketAddr, alive: impl FnMut() -> Result<()>) -> Result<Option<String>> {
    until(READY_PATIENCE, alive, || match status(address, "/readyz")? {
        200 => Ok(()),
        other => bail!("/readyz answers with {other}"),
    })
}

fn until(
    patience: Duration,
    mut alive: impl FnMut() -> Result<()>,
    mut attempt: impl FnMut() -> Result<()>,
) -> Result<Option<String>> {
    let deadline = Instant::now() + patience;
    loop {
        alive()?;
        match attempt() {
            Ok(()) => return Ok(None),
            Err(error) if Instant::now() >= deadline => {
                return Ok(Some(format!("not within {} s: {error:#}", patience.as_secs())));
            }
            Err(_) => thread::sleep(POLL), // not yet
        }
    }
}

/// The status with which a `GET` is answered.
fn status(address: SocketAddr, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_PATIENCE)?;
    stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
    stream.set_write_timeout(Some(ANSWER_PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_LIMIT)).read_line(&mut line)?;
    status_of(&line).ok_or_else(|| anyhow!("no HTTP is spoken there"))
}

/// The status in the first line of an answer: `HTTP/1.1 200 OK`.
fn status_of(line: &str) -> Option<u16> {
    let mut words = line.split_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        (listener, address)
    }

    #[test]
    fn the_status_is_read_from_the_first_line() {
        assert_eq!(status_of("HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status_of("HTTP/1.0 503\r\n"), Some(503));
        for other in ["", "AMQP", "HTTP/1.1", "HTTP/1.1 OK", "SSH-2.0 200"] {
            assert_eq!(status_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_server_is_ready_when_it_says_so_and_not_before() {
        let (listener, address) = listener();
        let server = thread::spawn(move || {
            for answer in ["HTTP/1.1 503 no\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
                let (mut stream, _) = listener.accept().expect("a client");
                // A request may come in pieces.
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut piece = [0; 512];
                    let length = stream.read(&mut piece).expect("a request");
                    assert!(length > 0, "the request ends early");
                    request.extend_from_slice(&piece[..length]);
                }
                assert!(request.starts_with(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:"));
                stream.write_all(answer.as_bytes()).expect("answered");
            }
        });
        assert_eq!(until_ready(address, || Ok(())).expect("alive"), None);
        server.join().expect("asked twice");
    }

    #[test]
    fn nobody_waits_for_a_server_that_has_ended() {
        let (listener, address) = listener();
        drop(listener);
        let told = until_ready(address, || bail!("it has ended")).expect_err("dead");
        assert_eq!(format!("{told:#}"), "it has ended");
    }

    #[test]
    fn when_patience_ends_the_last_answer_is_told() {
        let why = until(Duration::ZERO, || Ok(()), || bail!("/readyz answers with 503")).expect("alive");
        assert_eq!(why.as_deref(), Some("not within 0 s: /readyz answers with 503"));
    }

    #[test]
    fn port_0_stands_for_a_free_one() {
        let address = free(SocketAddr::from(([127, 0, 0, 1], 0))).expect("free");
        assert_ne!(address.port(), 0);
        assert_eq!(free(address).expect("still free"), address);
    }
}
