//! Stand-ins for the world outside, for `dev`, `demo` and tests: a payment provider, a kitchen crew, couriers.
//!
//! **Invariant:** they act from outside, through the same HTTP API and callbacks as real ones would, and know
//! nothing else of Spindle. They listen on and speak to loopback addresses only.

pub mod couriers;
mod crew;
pub mod fate;
pub mod kitchen;
pub mod provider;
#[cfg(test)]
mod shop;

pub use crew::CrewOptions;

/// Whether an address is plain HTTP and on this machine: simulators go no further.
fn is_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<axum::http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    uri.scheme_str() == Some("http") && local
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn simulators_stay_on_this_machine() {
        for near in ["http://127.0.0.1:7070", "http://localhost/x", "http://[::1]:80/", "http://127.9.9.9"] {
            assert!(is_local(near), "{near} was refused");
        }
        for far in [
            "",
            "/x",
            "http://10.0.0.1",
            "https://127.0.0.1",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
        ] {
            assert!(!is_local(far), "{far} was taken");
        }
    }
}
