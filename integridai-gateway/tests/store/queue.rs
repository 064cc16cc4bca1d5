//! Leases that end, writes that come too late, keys that come twice, and what waits for its time.
use std::time::Duration;

use integridai_gateway::store::{
    Admission, Admitted, Cancellation, ClaimRules, Execution, ExecutionFilter, ExecutionState, Finished,
    Heartbeat, JsonText, KeyAnswer, Lease, NewExecution, NewKey, Outcome, Priority, Store, StoreError,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::homes::on_both;
use crate::samples::{claim, event, new_now, success};

const MINUTE: Duration = Duration::from_secs(60);

/// A lease that has ended as soon as it is given.
fn no_time(worker: &str) -> ClaimRules {
    ClaimRules { lease: Duration::ZERO, ..ClaimRules::new(worker) }
}

fn text(json: &str) -> JsonText {
    JsonText::parse(json).expect("this is JSON")
}

async fn claim_by(store: &Store, rules: &ClaimRules) -> Execution {
    store.claim_execution(rules).await.expect("the store works").expect("one waits")
}

#[tokio::test]
async fn work_of_a_worker_that_is_not_heard_of_is_taken_over_and_its_late_writes_are_refused() {
    on_both(async |home| {
        let store = home.open().await;
        store.accept_execution(new_now()).await.unwrap();
        let first = claim_by(&store, &no_time("first")).await.lease();
        store.save_steps(first, text("[1]")).await.unwrap();

        let second = claim_by(&store, &ClaimRules::new("second")).await;
        assert_eq!((second.id, second.attempts, second.interruptions), (first.id, 2, 1));
        assert_eq!(second.steps.as_str(), "[1]", "what the first saved in time counts");
        assert!(second.fence > first.fence);

        let now = OffsetDateTime::now_utc();
        let refused = [
            store.save_steps(first, text("[2]")).await,
            store.finish_execution(first, success("1"), vec![event(&text("1"))]).await,
            store.retry_execution(first, now, text("[]"), text("{}")).await,
            store.release_execution(first).await,
        ];
        for refusal in refused {
            assert!(matches!(refusal, Err(StoreError::LeaseLost)), "{refusal:?}");
        }
        assert_eq!(store.heartbeat(first, Duration::ZERO).await.unwrap(), Heartbeat::Lost);
        let unchanged = store.execution(first.id).await.unwrap().unwrap();
        assert_eq!((unchanged.state, unchanged.steps.as_str()), (ExecutionState::Running, "[1]"));
        assert_eq!(store.recent_events(10).await.unwrap(), [], "nor was anything told");

        store.finish_execution(second.lease(), success("2"), Vec::new()).await.unwrap();
        let ended = store.execution(first.id).await.unwrap().unwrap();
        assert_eq!(ended.result.unwrap().as_str(), "2");
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_keeps_a_lease() {
    on_both(async |home| {
        let store = home.open().await;
        store.accept_execution(new_now()).await.unwrap();
        let held = claim_by(&store, &no_time("first")).await.lease();
        assert_eq!(store.heartbeat(held, MINUTE).await.unwrap(), Heartbeat::Held);
        assert_eq!(claim(&store).await, None);
    })
    .await;
}

#[tokio::test]
async fn an_end_and_its_events_are_written_together_or_not_at_all() {
    on_both(async |home| {
        let store = home.open().await;
        store.accept_execution(new_now()).await.unwrap();
        let lease = claim(&store).await.unwrap().lease();
        let told = event(&text("1"));
        let twice = vec![told.clone(), told.clone()];
        let refused = store.finish_execution(lease, success("1"), twice).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        assert_eq!(store.execution(lease.id).await.unwrap().unwrap().state, ExecutionState::Running);
        assert_eq!(store.recent_events(10).await.unwrap(), []);

        store.finish_execution(lease, success("1"), vec![told.clone()]).await.unwrap();
        assert_eq!(store.execution(lease.id).await.unwrap().unwrap().state, ExecutionState::Succeeded);
        assert_eq!(store.recent_events(10).await.unwrap()[0].id, told.id);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_claimed_before_it_is_due() {
    on_both(async |home| {
        let store = home.open().await;
        let due = OffsetDateTime::now_utc() + Duration::from_secs(3_600);
        let scheduled = NewExecution { run_at: due, ..new_now() };
        store.accept_execution(scheduled.clone()).await.unwrap();
        assert_eq!(claim(&store).await, None);
        let kept = store.execution(scheduled.id).await.unwrap().unwrap();
        assert_eq!(kept.deadline_at, Some(kept.run_at + Duration::from_secs(3_600)));
        let next = store.until_due().await.unwrap().expect("one waits for its time");
        assert!(next <= Duration::from_secs(3_600) && due - next <= OffsetDateTime::now_utc(), "{next:?}");

        store.accept_execution(new_now()).await.unwrap();
        let lease = claim(&store).await.unwrap().lease();
        store.retry_execution(lease, due, text("[]"), text(r#"{"status":503}"#)).await.unwrap();
        assert_eq!(claim(&store).await, None, "the next try waits for its time too");
        let waits = store.execution(lease.id).await.unwrap().unwrap();
        assert_eq!((waits.state, waits.interruptions), (ExecutionState::Queued, 0));
        assert_eq!(waits.error.unwrap().as_str(), r#"{"status":503}"#);
    })
    .await;
}

#[tokio::test]
async fn a_try_that_is_due_goes_before_newcomers() {
    on_both(async |home| {
        let store = home.open().await;
        store.accept_execution(new_now()).await.unwrap();
        let lease = claim(&store).await.unwrap().lease();
        store.accept_execution(new_now()).await.unwrap();
        let now = OffsetDateTime::now_utc();
        store.retry_execution(lease, now, text("[]"), text("{}")).await.unwrap();
        assert_eq!(claim(&store).await.unwrap().id, lease.id);
    })
    .await;
}

#[tokio::test]
async fn what_waits_beyond_its_deadline_ends_as_failed() {
    on_both(async |home| {
        let store = home.open().await;
        let late = NewExecution { timeout_ms: 0, ..new_now() };
        store.accept_execution(late.clone()).await.unwrap();
        assert_eq!(claim(&store).await, None);
        let ended = store.execution(late.id).await.unwrap().unwrap();
        assert_eq!(ended.state, ExecutionState::Failed);
        assert!(ended.error.unwrap().as_str().contains("504") && ended.finished_at.is_some());
    })
    .await;
}

fn key(fingerprint: &str) -> Option<NewKey> {
    let expires_at = OffsetDateTime::now_utc() + Duration::from_secs(60);
    let (key, fingerprint) = ("k-1".to_owned(), fingerprint.to_owned());
    Some(NewKey { key, fingerprint, answer: KeyAnswer::Result, expires_at })
}

#[tokio::test]
async fn a_key_is_one_execution_for_its_principal_and_payload_until_it_expires() {
    on_both(async |home| {
        let store = home.open().await;
        let (first, again, other) =
            (new_now(), new_now(), NewExecution { principal: "b".to_owned(), ..new_now() });
        let admit = async |execution: &NewExecution, key| {
            store.admit_execution(execution.clone(), Admission::UNBOUNDED, key).await.unwrap()
        };
        assert_eq!(admit(&first, key("x")).await, Admitted::Accepted);
        let Admitted::Repeated(found, KeyAnswer::Result) = admit(&again, key("x")).await else {
            panic!("it was accepted twice");
        };
        assert_eq!(found.id, first.id);
        assert_eq!(admit(&again, key("y")).await, Admitted::KeyReused);
        assert_eq!(admit(&other, key("x")).await, Admitted::Accepted, "keys are those of a principal");
        assert_eq!(store.queued_executions().await.unwrap(), 2);

        let expired =
            NewKey { expires_at: OffsetDateTime::now_utc(), key: "k-2".to_owned(), ..key("x").unwrap() };
        assert_eq!(admit(&new_now(), Some(expired.clone())).await, Admitted::Accepted);
        assert_eq!(admit(&new_now(), Some(expired)).await, Admitted::Accepted);
    })
    .await;
}

#[tokio::test]
async fn an_execution_and_its_key_are_stored_together_or_not_at_all() {
    on_both(async |home| {
        let store = home.open().await;
        let execution = new_now();
        store.accept_execution(execution.clone()).await.unwrap();
        let refused = store.admit_execution(execution, Admission::UNBOUNDED, key("x")).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        let admitted = store.admit_execution(new_now(), Admission::UNBOUNDED, key("y")).await.unwrap();
        assert_eq!(admitted, Admitted::Accepted, "the key of the one that was refused is not kept");
    })
    .await;
}

#[tokio::test]
async fn each_bound_refuses_what_is_beyond_it() {
    on_both(async |home| {
        let store = home.open().await;
        let of = |principal: &str| NewExecution { principal: principal.to_owned(), ..new_now() };
        let admit = async |principal: &str, admission, key| {
            store.admit_execution(of(principal), admission, key).await.unwrap()
        };
        let bounds = Admission { max_queued: 3, max_queued_per_principal: 2, ..Admission::UNBOUNDED };
        for admitted in [Admitted::Accepted, Admitted::Accepted, Admitted::PrincipalFull] {
            assert_eq!(admit("a", bounds, None).await, admitted);
        }
        assert_eq!(admit("b", bounds, None).await, Admitted::Accepted);
        assert_eq!(admit("c", bounds, None).await, Admitted::Full);
        let bounds = Admission { max_keys_per_principal: 1, ..Admission::UNBOUNDED };
        let named = |name: &str| key("x").map(|key| NewKey { key: name.to_owned(), ..key });
        assert_eq!(admit("a", bounds, named("1")).await, Admitted::Accepted);
        assert_eq!(admit("a", bounds, named("2")).await, Admitted::KeysFull);
        assert_eq!(admit("a", bounds, None).await, Admitted::Accepted);
        assert_eq!(admit("b", bounds, named("1")).await, Admitted::Accepted, "it has room of its own");
    })
    .await;
}

#[tokio::test]
async fn keys_that_have_expired_take_no_room() {
    on_both(async |home| {
        let store = home.open().await;
        let bounds = Admission { max_keys_per_principal: 2, ..Admission::UNBOUNDED };
        let admit = async |name: &str, expires_at| {
            let key = key("x").map(|key| NewKey { key: name.to_owned(), expires_at, ..key });
            store.admit_execution(new_now(), bounds, key).await.unwrap()
        };
        let (past, future) =
            (OffsetDateTime::now_utc(), OffsetDateTime::now_utc() + Duration::from_secs(3_600));
        assert_eq!(admit("1", past).await, Admitted::Accepted);
        // The same once more takes the place of the one that has expired, and counts once.
        assert_eq!(admit("1", past).await, Admitted::Accepted);
        assert_eq!(admit("2", future).await, Admitted::Accepted);
        assert_eq!(admit("3", future).await, Admitted::Accepted);
        assert_eq!(admit("4", future).await, Admitted::KeysFull);
    })
    .await;
}

#[tokio::test]
async fn one_that_waits_is_cancelled_at_once_and_the_worker_of_one_that_runs_is_told() {
    on_both(async |home| {
        let store = home.open().await;
        let (waits, runs) = (new_now(), NewExecution { priority: Priority::High, ..new_now() });
        for execution in [waits.clone(), runs.clone()] {
            store.accept_execution(execution).await.unwrap();
        }
        let lease = claim(&store).await.unwrap().lease();
        assert_eq!(lease.id, runs.id);
        let cancel = async |id| store.cancel_execution(id, text(r#"{"status":499}"#)).await.unwrap();
        assert_eq!(cancel(waits.id).await, Cancellation::Cancelled);
        assert_eq!(cancel(waits.id).await, Cancellation::Ended(ExecutionState::Cancelled));
        assert_eq!(cancel(runs.id).await, Cancellation::Requested);
        assert_eq!(cancel(Uuid::nil()).await, Cancellation::Unknown);
        assert_eq!(claim(&store).await, None);
        assert_eq!(store.heartbeat(lease, MINUTE).await.unwrap(), Heartbeat::CancelRequested);
        let outcome = Outcome::Cancelled { error: text("{}") };
        store.finish_execution(lease, Finished { outcome, ..success("0") }, Vec::new()).await.unwrap();
        assert_eq!(cancel(runs.id).await, Cancellation::Ended(ExecutionState::Cancelled));
    })
    .await;
}

#[tokio::test]
async fn only_what_was_given_up_can_be_replayed() {
    on_both(async |home| {
        let store = home.open().await;
        store.accept_execution(new_now()).await.unwrap();
        let lease = claim(&store).await.unwrap().lease();
        let deadline = OffsetDateTime::now_utc() + Duration::from_secs(60);
        let replay = async || store.replay_execution(lease.id, text("[7]"), deadline).await.unwrap();
        assert!(!replay().await, "it runs");
        let outcome = Outcome::Dead { error: text("{}") };
        store.finish_execution(lease, Finished { outcome, ..success("0") }, Vec::new()).await.unwrap();
        assert!(replay().await);
        assert!(!replay().await, "it waits");
        let again = claim(&store).await.unwrap();
        assert_eq!((again.id, again.steps.as_str(), again.finished_at), (lease.id, "[7]", None));
        assert_eq!((again.error, again.interruptions), (None, 0));
    })
    .await;
}

#[tokio::test]
async fn a_list_is_filtered_and_goes_on_behind_its_last_entry() {
    on_both(async |home| {
        let store = home.open().await;
        let begin = OffsetDateTime::now_utc();
        let mut ids = Vec::new();
        for number in 0..10_u64 {
            let user_id = Some(format!("user-{}", number % 2));
            let workflow = if number < 5 { "training_sync" } else { "complete_analysis" }.to_owned();
            // Two of each moment, so that the id has to decide.
            let created_at = begin + Duration::from_secs(number / 2);
            let new = NewExecution { user_id, workflow, created_at, run_at: begin, ..new_now() };
            ids.push(new.id);
            store.accept_execution(new).await.unwrap();
        }
        let list = async |filter, limit| {
            let found = store.executions(filter, limit).await.unwrap();
            found.into_iter().map(|one| (one.created_at, one.id)).collect::<Vec<_>>()
        };
        let newest: Vec<Uuid> = ids.iter().rev().copied().collect();
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = list(ExecutionFilter { after, ..ExecutionFilter::default() }, 3).await;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            paged.extend(page.iter().map(|(_, id)| *id));
        }
        assert_eq!(paged, newest);
        let count = async |filter| list(filter, 100).await.len();
        let all = ExecutionFilter::default;
        assert_eq!(count(ExecutionFilter { user_id: Some("user-1".to_owned()), ..all() }).await, 5);
        assert_eq!(count(ExecutionFilter { workflow: Some("training_sync".to_owned()), ..all() }).await, 5);
        assert_eq!(count(ExecutionFilter { state: Some(ExecutionState::Running), ..all() }).await, 0);
        let at = |seconds| Some(begin + Duration::from_secs(seconds));
        // The file keeps microseconds, the clock more.
        let from = at(1).map(|moment| moment - Duration::from_micros(1));
        let until = at(3).map(|moment| moment - Duration::from_micros(1));
        assert_eq!(count(ExecutionFilter { from, until, ..all() }).await, 4);
        let user = ExecutionFilter { user_id: Some("user-0".to_owned()), from, until, ..all() };
        assert_eq!(count(user).await, 2);
    })
    .await;
}

#[tokio::test]
async fn the_fence_grows_with_every_claim() {
    on_both(async |home| {
        let store = home.open().await;
        store.accept_execution(new_now()).await.unwrap();
        let mut last = Lease { id: Uuid::nil(), fence: 0 };
        for _ in 0..3 {
            let lease = claim(&store).await.unwrap().lease();
            assert!(lease.fence > last.fence);
            store.release_execution(lease).await.unwrap();
            last = lease;
        }
        assert_eq!(claim(&store).await.unwrap().attempts, 1, "what was given back is no attempt");
    })
    .await;
}
