//! Lists: filtered, newest first, a page at a time. The one place that composes filters into SQL.
//!
//! **Invariant:** only names from [`Column`] and the projections' table names become part of a statement; every
//! value is bound.

use chrono::{DateTime, TimeZone as _, Utc};
use sqlx::{PgPool, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Cursor, QueryError, Row};
use crate::projection::Projection;
use crate::store;

/// The most rows of one page: enough for a screen, few enough for one answer.
pub const MAX_LIMIT: u32 = 200;
/// How many rows a page has unless somebody says otherwise.
const USUAL_LIMIT: u32 = 50;
/// The most characters that can be searched for: longer than any name or id, shorter than a burden.
pub const MAX_SEARCH: usize = 100;

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    limit: u32,
    cursor: Option<Cursor>,
}

impl Page {
    /// At most so many rows, from 1 to [`MAX_LIMIT`]: what is beyond is taken to the nearest of the two. Without
    /// a cursor the first page.
    #[must_use]
    pub fn new(limit: Option<u32>, cursor: Option<Cursor>) -> Self {
        Self { limit: limit.unwrap_or(USUAL_LIMIT).clamp(1, MAX_LIMIT), cursor }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new(None, None)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<View> {
    /// The rows.
    pub rows: Vec<Row<View>>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor>,
}

/// The generated columns that lists are filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Status,
    Stage,
    Customer,
    Location,
    OrderId,
    Courier,
}

impl Column {
    fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Stage => "stage",
            Self::Customer => "customer",
            Self::Location => "location",
            Self::OrderId => "order_id",
            Self::Courier => "courier",
        }
    }
}

/// What a row must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Is(Column, String),
    IsNot(Column, String),
    IsId(Column, Uuid),
    Since(DateTime<Utc>),
    Until(DateTime<Utc>),
    /// A pattern for `like`, escaped, in lower case.
    Contains(String),
}

/// The condition that a text asks for; none when it is blank.
pub(super) fn search(text: &str) -> Result<Option<Condition>, QueryError> {
    let text = text.trim();
    if text.chars().count() > MAX_SEARCH {
        return Err(QueryError::BadSearch(format!("must not be longer than {MAX_SEARCH} characters")));
    }
    if text.contains('\0') {
        return Err(QueryError::BadSearch("must not contain control characters".to_owned()));
    }
    let mut pattern = String::with_capacity(text.len() + 2);
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    Ok((!pattern.is_empty()).then(|| Condition::Contains(format!("%{pattern}%"))))
}

/// The years that the database surely knows; a moment beyond them is taken to the nearest.
fn known(at: DateTime<Utc>) -> DateTime<Utc> {
    let year = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single();
    match (year(1), year(9999)) {
        (Some(first), Some(last)) => at.clamp(first, last),
        _ => at,
    }
}

fn statement<P: Projection>(conditions: &[Condition], page: Page) -> QueryBuilder<'_, Postgres> {
    let mut sql = QueryBuilder::new("select id, version, position, listed_at, view::text as view from ");
    sql.push(store::table::<P>()).push(" where listed_at is not null");
    for condition in conditions {
        match condition {
            Condition::Is(column, value) => {
                sql.push(" and ").push(column.as_str()).push(" = ").push_bind(value.as_str());
            }
            Condition::IsNot(column, value) => {
                sql.push(" and ").push(column.as_str()).push(" <> ").push_bind(value.as_str());
            }
            Condition::IsId(column, value) => {
                sql.push(" and ").push(column.as_str()).push(" = ").push_bind(*value);
            }
            Condition::Since(at) => {
                sql.push(" and listed_at >= ").push_bind(known(*at));
            }
            Condition::Until(at) => {
                sql.push(" and listed_at < ").push_bind(known(*at));
            }
            Condition::Contains(pattern) => {
                sql.push(" and search like ").push_bind(pattern.as_str());
            }
        }
    }
    if let Some(cursor) = page.cursor {
        sql.push(" and (listed_at, id) < (").push_bind(known(cursor.at));
        sql.push(", ").push_bind(cursor.id).push(")");
    }
    // One more than the page holds tells whether there is another page.
    sql.push(" order by listed_at desc, id desc limit ").push_bind(i64::from(page.limit) + 1);
    sql
}

/// One page of a projection's views.
pub(super) async fn list<P: Projection>(
    pool: &PgPool,
    conditions: &[Condition],
    page: Page,
) -> Result<Listed<P::View>, QueryError> {
    let mut found = statement::<P>(conditions, page).build().fetch_all(pool).await?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = match found.last() {
        Some(last) if more => Some(Cursor::new(last.try_get("listed_at")?, last.try_get("id")?)),
        _ => None,
    };
    let rows = found.iter().map(store::row::<P>).collect::<Result<_, _>>()?;
    Ok(Listed { rows, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_summary::OrderSummaries;

    #[test]
    fn a_search_means_what_it_says_and_not_a_pattern() {
        let wanted = |text: &str| match search(text) {
            Ok(Some(Condition::Contains(pattern))) => pattern,
            other => panic!("{other:?}"),
        };
        assert_eq!(wanted(" Ada_L 5% \\ "), "%ada\\_l 5\\% \\\\%");
        assert_eq!(search("  ").unwrap(), None);
    }

    #[test]
    fn a_search_that_is_too_long_or_cannot_be_stored_is_refused() {
        assert!(search(&"x".repeat(MAX_SEARCH)).is_ok());
        assert!(matches!(search(&"x".repeat(MAX_SEARCH + 1)), Err(QueryError::BadSearch(_))));
        assert!(matches!(search("a\0b"), Err(QueryError::BadSearch(_))));
    }

    #[test]
    fn a_limit_is_taken_to_the_nearest_that_is_served() {
        assert_eq!(Page::new(Some(0), None).limit, 1);
        assert_eq!(Page::new(Some(u32::MAX), None).limit, MAX_LIMIT);
        assert_eq!(Page::default().limit, USUAL_LIMIT);
    }

    #[test]
    fn values_are_bound_and_never_part_of_the_statement() {
        let conditions = [
            Condition::Is(Column::Status, "'; drop table events; --".to_owned()),
            Condition::Contains("%x%".to_owned()),
        ];
        let cursor = Cursor::new(DateTime::UNIX_EPOCH, Uuid::nil());
        let sql = statement::<OrderSummaries>(&conditions, Page::new(Some(7), Some(cursor))).into_sql();
        assert_eq!(
            sql,
            "select id, version, position, listed_at, view::text as view from view_order_summary_v1 \
             where listed_at is not null and status = $1 and search like $2 \
             and (listed_at, id) < ($3, $4) order by listed_at desc, id desc limit $5"
        );
    }

    #[test]
    fn a_moment_that_the_database_does_not_know_is_taken_to_the_nearest_that_it_knows() {
        assert_eq!(known(DateTime::<Utc>::MAX_UTC).to_rfc3339(), "9999-01-01T00:00:00+00:00");
        assert_eq!(known(DateTime::<Utc>::MIN_UTC).to_rfc3339(), "0001-01-01T00:00:00+00:00");
    }
}
