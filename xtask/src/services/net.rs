//! Free ports, and whether something answers at an address.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::folder::random_hex;

/// Below what Linux (32768) and macOS (49152) give to outgoing connections: a server that is restarted
/// finds its port free again.
const PORTS: std::ops::Range<u16> = 18_000..32_000;

/// How long a connection on the same machine, or to a server near by, may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

/// Ports given out by this process, whether or not a server listens there yet.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A loopback port on which nothing listens. Another program may take it before we do: whoever starts a
/// server there must be ready to try another one.
pub(crate) fn free_port() -> Result<u16> {
    let start = u16::from_str_radix(&random_hex(2)?, 16)? % (PORTS.end - PORTS.start);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let candidates = (PORTS.start + start..PORTS.end).chain(PORTS.start..PORTS.start + start);
    for port in candidates {
        if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            taken.insert(port);
            return Ok(port);
        }
    }
    bail!("no free port from {} to {} on the loopback interface", PORTS.start, PORTS.end - 1)
}

/// A connection to a private server, with limits on how long it may stay silent.
pub(crate) fn connect(port: u16, silence: Duration) -> std::io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, CONNECT_PATIENCE)?;
    stream.set_read_timeout(Some(silence))?;
    stream.set_write_timeout(Some(silence))?;
    Ok(stream)
}

/// Where the server of a URL listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A host, by name or number, and a port.
    Tcp(String, u16),
    /// PostgreSQL's socket file.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads the address out of a `postgres://` or `amqp://` URL.
    pub(crate) fn of(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| anyhow!("it has no `scheme://`"))?;
        let default_port = match scheme {
            "postgres" | "postgresql" => 5432,
            "amqp" => 5672,
            "amqps" => 5671,
            other => bail!("`{other}://` is not a scheme Spindle knows"),
        };
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        let (host, port) = match address.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, tail)) => (host, tail.strip_prefix(':')),
            None => match address.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (address, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().with_context(|| format!("`{port}` is no port"))?,
            None => default_port,
        };
        if !host.is_empty() && !host.starts_with("%2F") && !host.starts_with("%2f") {
            return Ok(Self::Tcp(host.to_owned(), port));
        }
        let folder = if host.is_empty() { query(tail, "host") } else { Some(host) };
        match folder.map(|folder| folder.replace("%2F", "/").replace("%2f", "/")) {
            Some(folder) if folder.starts_with('/') => {
                Ok(Self::Unix(PathBuf::from(folder).join(format!(".s.PGSQL.{port}"))))
            }
            _ => bail!("it names no host"),
        }
    }

    /// Tries to connect.
    pub(crate) fn reach(&self) -> Result<()> {
        match self {
            Self::Unix(socket) => {
                UnixStream::connect(socket)
                    .with_context(|| format!("{} does not answer", socket.display()))?;
            }
            Self::Tcp(host, port) => {
                let addresses: Vec<SocketAddr> = (host.as_str(), *port)
                    .to_socket_addrs()
                    .with_context(|| format!("{host} has no address"))?
                    .collect();
                let tries = addresses.iter().map(|it| TcpStream::connect_timeout(it, CONNECT_PATIENCE));
                let mut failure = anyhow!("{host} has no address");
                for attempt in tries {
                    match attempt {
                        Ok(_) => return Ok(()),
                        Err(error) => failure = error.into(),
                    }
                }
                return Err(failure.context(format!("{host}:{port} does not answer")));
            }
        }
        Ok(())
    }
}

fn query<'a>(tail: &'a str, wanted: &str) -> Option<&'a str> {
    let (_, query) = tail.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == wanted).map(|(_, v)| v)
}

/// Writes `text` so that it can stand between the slashes of a URL.
pub(crate) fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp(host.to_owned(), port)
    }

    #[test]
    fn the_address_is_found_between_user_and_path() {
        for (url, expected) in [
            ("postgres://u:p@db.example:6432/shop?sslmode=disable", tcp("db.example", 6432)),
            ("postgresql://db.example/shop", tcp("db.example", 5432)),
            ("amqp://guest:gu@st@127.0.0.1:5673/%2f", tcp("127.0.0.1", 5673)),
            ("amqp://broker", tcp("broker", 5672)),
            ("amqps://[::1]/v", tcp("::1", 5671)),
            ("amqp://[::1]:99", tcp("::1", 99)),
            ("postgres:///shop?user=me&host=/run/pg", Endpoint::Unix("/run/pg/.s.PGSQL.5432".into())),
            ("postgres://me@%2Frun%2Fpg:7/shop", Endpoint::Unix("/run/pg/.s.PGSQL.7".into())),
        ] {
            assert_eq!(Endpoint::of(url).expect(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (url, reason) in [
            ("localhost:5432", "scheme"),
            ("mysql://localhost", "mysql"),
            ("amqp://host:eighty", "eighty"),
            ("postgres:///shop", "no host"),
        ] {
            let message = format!("{:#}", Endpoint::of(url).expect_err(url));
            assert!(message.contains(reason), "{url}: {message}");
        }
    }

    #[test]
    fn a_free_port_is_not_given_out_twice() {
        let ports: BTreeSet<u16> = (0..20).map(|_| free_port().expect("a port")).collect();
        assert_eq!(ports.len(), 20);
    }

    #[test]
    fn an_address_where_nothing_listens_is_named() {
        let port = free_port().expect("a port");
        let message = format!("{:#}", tcp("127.0.0.1", port).reach().expect_err("nothing listens"));
        assert!(message.contains(&format!("127.0.0.1:{port} does not answer")), "{message}");
    }

    #[test]
    fn a_name_is_made_fit_for_a_url() {
        assert_eq!(percent_encode("/"), "%2F");
        assert_eq!(percent_encode("test-1_a.b~"), "test-1_a.b~");
        assert_eq!(percent_encode("ä b"), "%C3%A4%20b");
    }
}
