//! What has to hold in the end.
use std::collections::{BTreeMap, BTreeSet};

use integridai_gateway::demo::Control;

use crate::ledger::Ledger;
use crate::submitters::HURRIED;
use crate::subscribers::Told;

pub(crate) const UNFINISHED: &str =
    "SELECT CAST(count(*) AS TEXT) FROM executions WHERE state IN ('queued', 'running')";
const ENDED: &str = "SELECT state || ' ' || id FROM executions";
const EVENTS: &str = "SELECT CAST(cursor AS TEXT) || ' ' || (payload ->> 'workflow_id') FROM system_events
    WHERE event_type IN ('analysis_complete', 'training_progress') ORDER BY cursor";
const PUBLISHED: &str =
    "SELECT source || ' ' || event_id FROM system_events WHERE event_type = 'training.completed'";
const STARTED: &str =
    "SELECT (request -> 'trigger' ->> 'source') || ' ' || (request -> 'trigger' ->> 'id') FROM executions
    WHERE principal LIKE 'event |%'";

/// Every event that is in the log has started what it is for, and nothing was started by one that is not there.
pub(crate) fn every_event_has_had_its_effect(ledger: &Ledger) {
    let [published, started] = [PUBLISHED, STARTED].map(|statement| {
        let mut names = ledger.column(statement);
        names.sort_unstable();
        names
    });
    let (events, executions): (BTreeSet<_>, BTreeSet<_>) =
        (published.iter().collect(), started.iter().collect());
    let halves: Vec<_> = events.symmetric_difference(&executions).collect();
    assert!(
        halves.is_empty(),
        "an event without its execution, or an execution without its event: {halves:?}"
    );
    assert_eq!((published.len(), started.len()), (events.len(), events.len()), "none is there twice");
}

/// Executions that somebody asked for who did not wait for the answer.
pub(crate) fn accepted_unseen(ledger: &Ledger) -> Vec<String> {
    ledger.column(&format!("SELECT CAST(id AS TEXT) FROM executions WHERE principal = 'event |{HURRIED}'"))
}

/// Each that was accepted has ended well, and there is none beside those.
pub(crate) fn nothing_is_lost(ledger: &Ledger, accepted: &[String]) {
    let ids: BTreeSet<&String> = accepted.iter().collect();
    assert_eq!(ids.len(), accepted.len(), "each request has an execution of its own");
    let ended: BTreeSet<String> = ledger.column(ENDED).into_iter().collect();
    let expected: BTreeSet<String> = ids.iter().map(|id| format!("succeeded {id}")).collect();
    let wrong: Vec<_> = ended.symmetric_difference(&expected).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The Dashboard was changed once for each, however often it was told.
pub(crate) fn nothing_is_done_twice(dashboard: &Control, accepted: &[String]) {
    let applied: BTreeMap<_, _> =
        dashboard.keys().into_iter().map(|(key, used)| (key, used.applied)).collect();
    let expected: BTreeMap<_, _> = accepted.iter().map(|id| (format!("{id}:dashboard"), 1)).collect();
    assert_eq!(applied, expected);
    assert_eq!(dashboard.report().applied as usize, accepted.len());
}

/// The log has one event for each, in the order of its cursors. Answers the log.
pub(crate) fn the_log_is_complete(ledger: &Ledger, accepted: &[String]) -> Told {
    let split = |row: &String| {
        let (cursor, id) = row.split_once(' ').expect("two columns");
        (cursor.parse().expect("a number"), id.to_owned())
    };
    let log: Told = ledger.column(EVENTS).iter().map(split).collect();
    let mut told: Vec<&String> = log.iter().map(|(_, id)| id).collect();
    let mut expected: Vec<&String> = accepted.iter().collect();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected, "one event for each execution");
    log
}

/// Each has the whole log, each event once and in its place.
pub(crate) fn everybody_was_told_everything(log: &Told, subscribers: &[Told]) {
    for (number, told) in subscribers.iter().enumerate() {
        let (had, wanted): (BTreeSet<_>, BTreeSet<_>) = (told.iter().collect(), log.iter().collect());
        let missed: Vec<_> = wanted.difference(&had).collect();
        assert!(missed.is_empty(), "subscriber {number} has missed {missed:?}");
        assert!(told == log, "subscriber {number} was told otherwise than the log says");
    }
}
