//! `spindle order`: what a customer and an operator do with orders, on a running server.

mod line;
mod list;
mod place;
mod show;
mod timeline;
mod wait;

use clap::{Args, Subcommand};
use serde_json::json;
use spindle_domain::order::CancelReason;
use uuid::Uuid;

use super::client::{Answer, Server, ServerArgs};
use super::exit::{self, Exit};
use super::output::{Out, money, text, words};

/// Where orders lie.
const ORDERS: &str = "orders";

/// Place, watch, pay and cancel orders on a running server.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    spindle order place --line cappuccino:medium:2 --name Ada --pickup --pay tok_ok --wait\n  \
    spindle order list --status paid --url http://127.0.0.1:7070")]
pub(super) struct OrderArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Place an order
    Place(Box<place::PlaceArgs>),
    /// Show an order: its lines, its price, how far it is
    #[command(after_help = "Example:\n  spindle order show 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90")]
    Show {
        /// The order
        id: Uuid,
    },
    /// List orders, the newest first
    List(list::ListArgs),
    /// Pay an order, or try again after a payment failed
    #[command(
        after_help = "Example:\n  spindle order pay 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90 --method tok_ok"
    )]
    Pay {
        /// The order
        id: Uuid,
        /// The payment provider's token
        #[arg(long, value_name = "TOKEN")]
        method: String,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Cancel an order: what was done for it is undone
    #[command(after_help = "Examples:\n  \
        spindle order cancel 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90\n  \
        spindle order cancel 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90 --as operator:ann --reason out_of_stock\n\n\
        A customer can cancel until the kitchen has finished, an operator until somebody has fetched the order.")]
    Cancel {
        /// The order
        id: Uuid,
        /// Why, in one word; only an operator may say anything but `customer_request`
        #[arg(long, value_parser = reason)]
        reason: Option<CancelReason>,
        /// Why, in your words
        #[arg(long, value_name = "TEXT")]
        detail: Option<String>,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Show what happened to an order and for it, with what caused it
    #[command(after_help = "Example:\n  spindle order events 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90")]
    Events {
        /// The order
        id: Uuid,
    },
}

/// The key under which a command counts once.
#[derive(Debug, Args)]
struct KeyArgs {
    /// The idempotency key: the same command under the same key has one effect [default: a new UUID]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl KeyArgs {
    fn get(&self) -> String {
        self.key.clone().unwrap_or_else(|| Uuid::new_v4().to_string())
    }
}

pub(super) async fn run(args: OrderArgs, out: &mut Out) -> anyhow::Result<Exit> {
    let server = args.server.server()?;
    match args.command {
        Command::Place(args) => return place::run(&server, *args, out).await,
        Command::List(args) => list::run(&server, &args, out).await?,
        Command::Show { id } => {
            let answer = server.get(&[ORDERS, &id.to_string()], &[]).await?;
            print(&answer, show::render, out)?;
        }
        Command::Events { id } => {
            let answer = server.get(&[ORDERS, &id.to_string(), "timeline"], &[]).await?;
            print(&answer, timeline::render, out)?;
        }
        Command::Pay { id, method, key } => {
            let body = json!({ "method": method });
            let answer =
                tell(&server, &[ORDERS, &id.to_string(), "pay"], &key.get(), body.to_string()).await?;
            print(&answer, brief, out)?;
        }
        Command::Cancel { id, reason, detail, key } => {
            let body = json!({ "reason": reason, "detail": detail });
            let answer =
                tell(&server, &[ORDERS, &id.to_string(), "cancel"], &key.get(), body.to_string()).await?;
            print(&answer, brief, out)?;
        }
    }
    Ok(Exit::Done)
}

/// Prints an answer: to people as rendered, to programs as it came.
fn print(answer: &Answer, render: fn(&serde_json::Value) -> String, out: &mut Out) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.line(&answer.text)?);
    }
    out.line(render(&answer.value))?;
    if answer.replayed {
        out.line("This key was used before: nothing was done again.")?;
    }
    Ok(())
}

/// Sends a command. When no answer came, says how to repeat it without doing it twice.
async fn tell(server: &Server, path: &[&str], key: &str, body: String) -> anyhow::Result<Answer> {
    let answer = server.post(path, key, body.into_bytes()).await;
    if let Err(error) = &answer
        && exit::may_be_done(error)
    {
        exit::complain(&format!("Whatever became of it: repeated with `--key {key}` it has one effect."));
    }
    answer
}

/// An order in a line.
fn brief(order: &serde_json::Value) -> String {
    format!("order {} is {}, {}", text(order, "/id"), words(order, "/stage"), money(order, "/total"))
}

fn reason(text: &str) -> Result<CancelReason, String> {
    serde_json::from_value(json!(text)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_of_those_that_the_domain_knows() {
        assert_eq!(reason("out_of_stock"), Ok(CancelReason::OutOfStock));
        let why = reason("bored").unwrap_err();
        assert!(why.contains("customer_request"), "{why}");
    }

    #[test]
    fn an_order_fits_in_a_line() {
        let order = json!({ "id": "0198", "stage": "awaiting_payment", "total": { "amount": 1220, "currency": "EUR" } });
        assert_eq!(brief(&order), "order 0198 is awaiting payment, 12.20 EUR");
    }
}
