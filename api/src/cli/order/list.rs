//! `spindle order list`: page by page, each page a table.

use anyhow::ensure;
use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use super::ORDERS;
use crate::cli::client::Server;
use crate::cli::output::{Out, drawn, list, money, table, text, time, words};

/// How many orders a page has with `--all`: the most that the server gives.
const LARGEST_PAGE: u32 = 200;
/// The most pages that are asked for: two million orders. Whoever wants more wants the log.
const MOST_PAGES: u32 = 10_000;

/// List orders, the newest first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  spindle order list --status paid\n  spindle order list --search ada --limit 5\n  \
                        spindle order list --all --output json | jq -r '.orders[].id'\n\n\
                        With --all, JSON is written page by page, one document a line."
)]
pub(super) struct ListArgs {
    /// Only of this status: created, paid, progress, dispatched, delivered or cancelled
    #[arg(long)]
    status: Option<String>,
    /// Only where this text is found: in names, addresses, notes, identifiers
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only of this customer
    #[arg(long, value_name = "ID")]
    customer: Option<Uuid>,
    /// How many at most, up to 200 [default: 20; with --all, how many a page]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// All of them, page by page
    #[arg(long)]
    all: bool,
}

/// How many orders are listed when nobody says: a screen.
const USUAL: u32 = 20;

impl ListArgs {
    fn query(&self, cursor: Option<String>) -> Vec<(&'static str, String)> {
        let usual = if self.all { LARGEST_PAGE } else { USUAL };
        let filters = [
            ("status", self.status.clone()),
            ("q", self.search.clone()),
            ("customer", self.customer.map(|id| id.to_string())),
            ("limit", Some(self.limit.unwrap_or(usual).to_string())),
            ("cursor", cursor),
        ];
        filters.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }
}

pub(super) async fn run(server: &Server, args: &ListArgs, out: &mut Out) -> anyhow::Result<()> {
    let mut cursor: Option<String> = None;
    for number in 0..MOST_PAGES {
        let page = server.get(&[ORDERS], &args.query(cursor.clone())).await?;
        if out.is_json() {
            out.line(&page.text)?;
        } else if number == 0 || !list(&page.value, "/orders").is_empty() {
            out.line(render(&page.value))?;
        }
        let next = page.value.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        match next {
            None => return Ok(()),
            Some(_) if !args.all => {
                if !out.is_json() {
                    out.line("There are more: --all lists them.")?;
                }
                return Ok(());
            }
            next => {
                ensure!(next != cursor, "the server's list does not go on: the same page follows itself");
                cursor = next;
            }
        }
    }
    anyhow::bail!("there are more than {MOST_PAGES} pages: ask for fewer orders with --status or --search")
}

fn render(page: &Value) -> String {
    let orders = list(page, "/orders");
    if orders.is_empty() {
        return "no orders".to_owned();
    }
    let mut table = table(&["order", "status", "stage", "total", "placed", "customer"]);
    for order in orders {
        table.add_row([
            text(order, "/id"),
            text(order, "/status"),
            words(order, "/stage"),
            money(order, "/total"),
            time(order, "/created"),
            text(order, "/contact/name"),
        ]);
    }
    drawn(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args() -> ListArgs {
        ListArgs { status: None, search: None, customer: None, limit: None, all: false }
    }

    #[test]
    fn only_what_was_asked_is_asked() {
        assert_eq!(args().query(None), [("limit", "20".to_owned())]);
        let args = ListArgs { search: Some("ada".into()), all: true, ..args() };
        assert_eq!(
            args.query(Some("c".into())),
            [("q", "ada".to_owned()), ("limit", "200".to_owned()), ("cursor", "c".to_owned())]
        );
    }

    #[test]
    fn a_page_is_a_table() {
        let page = json!({ "orders": [{
            "id": "0198", "status": "progress", "stage": "in_kitchen", "total": { "amount": 500, "currency": "EUR" },
            "created": "2026-05-01T12:00:00.5Z", "contact": { "name": "Ada" },
        }] });
        assert_eq!(
            render(&page),
            "order  status    stage       total     placed                customer\n\
             0198   progress  in kitchen  5.00 EUR  2026-05-01 12:00:00Z  Ada"
        );
        assert_eq!(render(&json!({ "orders": [] })), "no orders");
    }
}
