//! `spindle order place`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use chrono::DateTime;
use clap::Args;
use serde::Serialize;
use spindle_domain::pricing::LineRequest;
use uuid::Uuid;

use super::line::Line;
use super::{KeyArgs, ORDERS, brief, print, tell, wait};
use crate::cli::client::Server;
use crate::cli::exit::{Exit, Usage};
use crate::cli::output::{Out, text};

/// The longest file that is sent, in bytes: four times what the server reads.
const LONGEST_FILE: u64 = 1024 * 1024;

/// Place an order.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    spindle order place --line cappuccino:medium:2 --line croissant --name Ada --pickup --pay tok_ok --wait\n  \
    spindle order place --line pizza:big --name Ada --street 'Hauptstr. 1' --city Berlin --for 2026-05-01T19:00:00+02:00\n  \
    spindle order place --file order.json --output json\n\n\
    With --wait it exits with 0 when the customer has the order, and with 1 when it was cancelled or the time is up.")]
pub(super) struct PlaceArgs {
    /// What and how many; repeat it for more
    #[arg(long = "line", value_name = "SKU[:SIZE][:QUANTITY]", required_unless_present = "file")]
    lines: Vec<Line>,
    /// For whom
    #[arg(long, required_unless_present = "file")]
    name: Option<String>,
    /// Their e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Their telephone number
    #[arg(long)]
    phone: Option<String>,
    /// They fetch it
    #[arg(long, required_unless_present_any = ["street", "file"], conflicts_with = "street")]
    pickup: bool,
    /// A courier brings it there: street and number
    #[arg(long, requires = "city")]
    street: Option<String>,
    /// The town
    #[arg(long, requires = "street")]
    city: Option<String>,
    /// The postal code
    #[arg(long, requires = "street")]
    postal_code: Option<String>,
    /// A remark for kitchen and courier
    #[arg(long)]
    note: Option<String>,
    /// A promo code
    #[arg(long, value_name = "CODE")]
    promo: Option<String>,
    /// When it is wanted, with a zone; at once if absent
    #[arg(long = "for", value_name = "TIME", value_parser = moment)]
    wanted: Option<String>,
    /// Pay at once, with the payment provider's token
    #[arg(long = "pay", value_name = "TOKEN")]
    method: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    /// The order as JSON, as the API takes it; - reads standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "lines", "name", "email", "phone", "pickup", "street", "city", "postal_code", "note", "promo", "wanted",
            "method",
        ]
    )]
    file: Option<PathBuf>,
    /// Wait until the customer has it, and print each step; 60 seconds if no number is given
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60")]
    wait: Option<u32>,
}

/// An order as the API takes it.
#[derive(Serialize)]
struct Body<'a> {
    lines: Vec<&'a LineRequest>,
    contact: Contact<'a>,
    fulfilment: Fulfilment<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promo_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_for: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<Payment<'a>>,
}

#[derive(Serialize)]
struct Contact<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Fulfilment<'a> {
    Delivery { address: Address<'a> },
    Pickup,
}

#[derive(Serialize)]
struct Address<'a> {
    street: &'a str,
    city: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
}

#[derive(Serialize)]
struct Payment<'a> {
    method: &'a str,
}

impl PlaceArgs {
    /// The order as the flags say it. What is missing is left empty: the server names the rule.
    fn body(&self) -> Body<'_> {
        let fulfilment = match &self.street {
            Some(street) => Fulfilment::Delivery {
                address: Address {
                    street,
                    city: self.city.as_deref().unwrap_or_default(),
                    postal_code: self.postal_code.as_deref(),
                },
            },
            None => Fulfilment::Pickup,
        };
        Body {
            lines: self.lines.iter().map(|Line(line)| line).collect(),
            contact: Contact {
                name: self.name.as_deref().unwrap_or_default(),
                email: self.email.as_deref(),
                phone: self.phone.as_deref(),
            },
            fulfilment,
            note: self.note.as_deref(),
            promo_code: self.promo.as_deref(),
            requested_for: self.wanted.as_deref(),
            payment: self.method.as_deref().map(|method| Payment { method }),
        }
    }
}

pub(super) async fn run(server: &Server, args: PlaceArgs, out: &mut Out) -> anyhow::Result<Exit> {
    let body = match &args.file {
        Some(path) => from_file(path)?,
        None => serde_json::to_string(&args.body())?,
    };
    let answer = tell(server, &[ORDERS], &args.key.get(), body).await?;
    let Some(seconds) = args.wait else {
        print(&answer, brief, out)?;
        return Ok(Exit::Done);
    };
    let id: Uuid = text(&answer.value, "/id").parse().context("the answer names no order")?;
    if !out.is_json() {
        print(&answer, brief, out)?;
    }
    wait::run(server, id, answer.position, Duration::from_secs(seconds.into()), out).await
}

fn from_file(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    if path == Path::new("-") {
        return read(std::io::stdin().lock()).context("standard input");
    }
    let file = std::fs::File::open(path).map_err(|error| Usage(format!("--file {name}: {error}")))?;
    read(file).with_context(|| name.to_string())
}

fn read(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    anyhow::ensure!(text.len() as u64 <= LONGEST_FILE, "longer than {LONGEST_FILE} bytes");
    Ok(text)
}

/// A time as the API takes it.
fn moment(text: &str) -> Result<String, String> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("must be a time with a zone, such as 2026-05-01T19:00:00+02:00".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use serde_json::json;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: PlaceArgs,
    }

    fn parse(words: &str) -> Result<PlaceArgs, clap::Error> {
        let words = std::iter::once("place").chain(words.split_whitespace());
        Program::try_parse_from(words).map(|program| program.args)
    }

    #[test]
    fn a_pickup_needs_lines_and_a_name() {
        let args =
            parse("--line cappuccino:medium:2 --line croissant --name Ada --pickup --pay tok_ok").unwrap();
        assert_eq!(
            serde_json::to_value(args.body()).unwrap(),
            json!({
                "lines": [
                    { "sku": "cappuccino", "size": "medium", "quantity": 2 }, { "sku": "croissant", "quantity": 1 },
                ],
                "contact": { "name": "Ada" },
                "fulfilment": { "type": "pickup" },
                "payment": { "method": "tok_ok" },
            })
        );
    }

    #[test]
    fn a_delivery_needs_street_and_town() {
        let args = parse(
            "--line pizza --name Ada --email a@b.c --phone 0301234567 --street Gasse --city Wien --postal-code 1010 \
             --note hot --promo TEN --for 2026-05-01T19:00:00+02:00",
        );
        assert_eq!(
            serde_json::to_value(args.unwrap().body()).unwrap(),
            json!({
                "lines": [{ "sku": "pizza", "quantity": 1 }],
                "contact": { "name": "Ada", "email": "a@b.c", "phone": "0301234567" },
                "fulfilment": {
                    "type": "delivery", "address": { "street": "Gasse", "city": "Wien", "postal_code": "1010" },
                },
                "note": "hot",
                "promo_code": "TEN",
                "requested_for": "2026-05-01T19:00:00+02:00",
            })
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for wrong in [
            "",
            "--name Ada --pickup",
            "--line pizza --pickup",
            "--line pizza --name Ada",
            "--line pizza --name Ada --street Gasse",
            "--line pizza --name Ada --city Wien",
            "--line pizza --name Ada --pickup --street Gasse --city Wien",
            "--line pizza --name Ada --pickup --for tomorrow",
            "--line pizza --name Ada --pickup --for 2026-05-01T19:00:00",
            "--line pizza --name Ada --pickup --wait soon",
            "--file order.json --name Ada",
            "--file order.json --pickup",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_stands_for_all_of_it() {
        assert!(parse("--file order.json --key k1 --wait").is_ok());
        assert!(parse("--file -").is_ok());
    }

    #[test]
    fn waiting_has_an_end_even_when_nobody_says_which() {
        let wait = |words: &str| parse(&format!("--file - {words}")).unwrap().wait;
        assert_eq!((wait(""), wait("--wait"), wait("--wait 5")), (None, Some(60), Some(5)));
    }

    #[test]
    fn a_file_without_end_is_not_read_without_end() {
        assert!(read(std::io::repeat(b' ')).is_err());
        assert_eq!(read(&b"{}"[..]).unwrap(), "{}");
        let error = from_file(Path::new("/nowhere/order.json")).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
    }
}
