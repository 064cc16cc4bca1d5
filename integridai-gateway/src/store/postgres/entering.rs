//! Executions that are handed in at the same time, without idempotency keys: as if one after the other.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use deadpool_postgres::{ClientWrapper, Transaction};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{priority as priority_number, text};
use super::sessions::{Session, Sessions};
use super::together::Together;
use super::{admission, batch, execution_statements as statements, executions};
use crate::store::{Admission, Admitted, Execution, ExecutionState, StoreError, next_rank};

/// What is handed in, and when.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) execution: Execution,
    pub(super) bounds: Admission,
    pub(super) now: OffsetDateTime,
}

impl Entry {
    fn principal(&self) -> String {
        text(&self.execution.principal, usize::MAX).into_owned()
    }

    fn priority(&self) -> i16 {
        priority_number(self.execution.priority)
    }

    /// Any other gets its rank once it is due.
    fn is_due(&self) -> bool {
        self.execution.run_at <= self.now
    }
}

/// Those who hand something in.
#[derive(Debug)]
pub(super) struct Entrants(Arc<Together<Entry, Result<Admitted, StoreError>>>);

impl Entrants {
    pub(super) fn new() -> Self {
        Self(Together::new())
    }

    pub(super) async fn admit(
        &self,
        sessions: &Arc<Sessions>,
        runtime: &Handle,
        entry: Entry,
    ) -> Result<Admitted, StoreError> {
        let _turn = sessions.turn()?;
        let sessions = Arc::clone(sessions);
        let work = move |entries: Vec<Entry>| {
            let sessions = Arc::clone(&sessions);
            async move { sessions.for_all(&entries, in_session).await }
        };
        self.0.ask(runtime, entry, work).await?
    }
}

fn in_session(
    mut session: Session,
    entries: &[Entry],
    again: bool,
) -> BoxFuture<'_, Result<Vec<Admitted>, StoreError>> {
    async move { admit(&mut session, entries, again).await }.boxed()
}

/// With `again`, an earlier attempt may have succeeded without our hearing of it.
async fn admit(
    client: &mut ClientWrapper,
    entries: &[Entry],
    again: bool,
) -> Result<Vec<Admitted>, StoreError> {
    let (transaction, _) = admission::begin(client).await?;
    let answers = enter(&transaction, entries, again).await?;
    transaction.commit().await?;
    Ok(answers)
}

/// In a transaction that has the queue for itself.
pub(super) async fn enter(
    transaction: &Transaction<'_>,
    entries: &[Entry],
    again: bool,
) -> Result<Vec<Admitted>, StoreError> {
    let known = if again { accepted_before(transaction, entries).await? } else { HashSet::new() };
    let mut waiting = Waiting::read(transaction, entries).await?;
    let (mut placed, mut answers) = (Vec::new(), Vec::with_capacity(entries.len()));
    for entry in entries {
        let is_new = !known.contains(&entry.execution.id);
        let refusal = is_new.then(|| waiting.refusal(entry)).flatten();
        if is_new && refusal.is_none() {
            placed.push(waiting.enter(entry));
        }
        answers.push(refusal.unwrap_or(Admitted::Accepted));
    }
    if !placed.is_empty() {
        batch::insert_executions(transaction, &placed).await?;
    }
    Ok(answers)
}

async fn accepted_before(
    transaction: &Transaction<'_>,
    entries: &[Entry],
) -> Result<HashSet<Uuid>, StoreError> {
    let asked = entries.iter().map(async |entry| -> Result<Option<Uuid>, StoreError> {
        let is_accepted = executions::is_accepted(transaction, &entry.execution).await?;
        Ok(is_accepted.then_some(entry.execution.id))
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

/// What one principal has waiting at one priority.
type Flow = (String, i16);

/// What waits before them, as far as it matters to them.
#[derive(Debug, Default)]
struct Waiting {
    all: u64,
    of_principal: HashMap<String, u64>,
    /// The greatest rank of each flow.
    flow_ends: HashMap<Flow, Option<i64>>,
    clock: Option<i64>,
}

impl Waiting {
    async fn read(transaction: &Transaction<'_>, entries: &[Entry]) -> Result<Self, StoreError> {
        let flows: HashSet<Flow> =
            entries.iter().map(|entry| (entry.principal(), entry.priority())).collect();
        let (principals, priorities): (Vec<String>, Vec<i16>) = flows.into_iter().unzip();
        let is_bounded = entries.iter().any(|entry| entry.bounds.max_queued < u64::MAX);
        let (all, by_principal, flow_ends, clock) = tokio::try_join!(
            transaction.prepare_cached(statements::COUNT_QUEUED),
            transaction.prepare_cached(statements::COUNT_QUEUED_BY_PRINCIPAL),
            transaction.prepare_cached(statements::FLOW_ENDS),
            transaction.prepare_cached(statements::CLOCK),
        )?;
        let (of_principals, of_flows): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 2]) =
            ([&principals], [&principals, &priorities]);
        // In one round trip.
        let (all, by_principal, flow_ends, clock) = tokio::try_join!(
            async { if is_bounded { transaction.query(&all, &[]).await } else { Ok(Vec::new()) } },
            transaction.query(&by_principal, &of_principals),
            transaction.query(&flow_ends, &of_flows),
            transaction.query_one(&clock, &[]),
        )?;
        Ok(Self {
            all: all.first().map_or(Ok(0), |row| count(row, 0))?,
            of_principal: by_principal
                .iter()
                .map(|row| Ok((row.try_get(0)?, count(row, 1)?)))
                .collect::<Result<_, StoreError>>()?,
            flow_ends: flow_ends.iter().map(flow_end).collect::<Result<_, StoreError>>()?,
            clock: clock.try_get(0)?,
        })
    }

    fn refusal(&self, entry: &Entry) -> Option<Admitted> {
        if self.all >= entry.bounds.max_queued {
            return Some(Admitted::Full);
        }
        let own = self.of_principal.get(&entry.principal()).copied().unwrap_or(0);
        (own >= entry.bounds.max_queued_per_principal).then_some(Admitted::PrincipalFull)
    }

    fn enter<'a>(&mut self, entry: &'a Entry) -> batch::Placed<'a> {
        let (execution, principal) = (&entry.execution, entry.principal());
        self.all += 1;
        *self.of_principal.entry(principal.clone()).or_default() += 1;
        let is_due = entry.is_due();
        let rank = (is_due && execution.state == ExecutionState::Queued).then(|| {
            let end = self.flow_ends.entry((principal, entry.priority())).or_default();
            *end.insert(next_rank(execution.priority, *end, self.clock))
        });
        (execution, is_due, rank)
    }
}

fn count(row: &Row, column: usize) -> Result<u64, StoreError> {
    Ok(row.try_get::<_, i64>(column)?.unsigned_abs())
}

fn flow_end(row: &Row) -> Result<(Flow, Option<i64>), StoreError> {
    Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))
}
