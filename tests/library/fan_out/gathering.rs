//! Futures that are gathered, under each policy.

use super::*;

fn optional(
    times: &[u64],
) -> Vec<Branch<impl Future<Output = Result<u64, String>>, integridai_tower::fan_out::Optional>> {
    times.iter().map(|time| Branch::optional(time.to_string(), after(*time))).collect()
}

#[tokio::test(start_paused = true)]
async fn branches_of_any_types_run_at_the_same_time_and_come_back_as_a_tuple() {
    let start = tokio::time::Instant::now();
    let number = async {
        sleep(ms(30)).await;
        Ok::<_, String>(7_u8)
    };
    let word = async {
        sleep(ms(40)).await;
        Ok::<_, std::io::Error>("seven".to_owned())
    };
    let nothing = async { Err::<(), _>(std::fmt::Error) };
    let gathered = gather((
        Branch::required("number", number),
        Branch::required("word", word),
        Branch::optional("nothing", nothing),
    ))
    .await
    .unwrap();
    let (number, word, nothing) = gathered.values;
    assert_eq!((number, word.as_str(), nothing), (7, "seven", Err(BranchError::Failed(std::fmt::Error))));
    assert_eq!(start.elapsed(), ms(40), "at the same time");
    let latencies: Vec<Duration> = gathered.outcomes.iter().map(|branch| branch.latency).collect();
    assert_eq!(latencies, [ms(30), ms(40), ms(0)]);
    assert_eq!(words(&gathered.outcomes), ["ok", "ok", "error"]);
    let errors: Vec<Option<&str>> = gathered.outcomes.iter().map(|branch| branch.error.as_deref()).collect();
    assert_eq!(errors, [None, None, Some(std::fmt::Error.to_string().as_str())]);
    assert_eq!(
        gathered.outcomes.get("nothing").map(|branch| (branch.is_required, branch.attempts)),
        Some((false, 1))
    );
}

#[tokio::test]
async fn tuples_of_every_size_are_gathered_in_their_order() {
    let is = |number: u8| Branch::required("branch", ready(Ok::<_, String>(number)));
    assert_eq!(gather((is(1),)).await.unwrap().values, (1,));
    assert_eq!(gather((is(1), is(2))).await.unwrap().values, (1, 2));
    assert_eq!(gather((is(1), is(2), is(3), is(4))).await.unwrap().values, (1, 2, 3, 4));
    assert_eq!(gather((is(1), is(2), is(3), is(4), is(5))).await.unwrap().values, (1, 2, 3, 4, 5));
    assert_eq!(gather((is(1), is(2), is(3), is(4), is(5), is(6))).await.unwrap().values, (1, 2, 3, 4, 5, 6));
    let seven = gather((is(1), is(2), is(3), is(4), is(5), is(6), is(7))).await.unwrap().values;
    assert_eq!(seven, (1, 2, 3, 4, 5, 6, 7));
    let eight = gather((is(1), is(2), is(3), is(4), is(5), is(6), is(7), is(8))).await.unwrap().values;
    assert_eq!(eight, (1, 2, 3, 4, 5, 6, 7, 8));
}

#[tokio::test]
async fn nothing_at_all_is_gathered_at_once() {
    type None = Vec<Branch<std::future::Ready<Result<u8, String>>, integridai_tower::fan_out::Required>>;
    assert_eq!(gather(None::new()).await.unwrap().values, [0_u8; 0]);
    assert!(gather(None::new()).policy(Policy::FirstSuccess).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_required_branch_that_fails_ends_the_whole_and_drops_the_others() {
    let drops = Drops::default();
    let (guard, start) = (drops.guard(), tokio::time::Instant::now());
    let slow = async move {
        let _guard = guard;
        pending::<Result<u8, String>>().await
    };
    let error =
        gather((Branch::required("bad", after(3)), Branch::required("slow", slow))).await.unwrap_err();
    assert_eq!((start.elapsed(), drops.count()), (ms(3), 1));
    assert_eq!((error.branch(), error.is_timeout()), (Some("bad"), false));
    assert_eq!(error.to_string(), "the branch bad failed");
    assert_eq!(std::error::Error::source(&error).map(ToString::to_string).as_deref(), Some("3 is odd"));
    assert_eq!(ends(error.outcomes()), [("bad".into(), "error"), ("slow".into(), "cancelled")]);
}

#[tokio::test(start_paused = true)]
async fn each_branch_has_its_own_time() {
    let gathered = gather((
        Branch::optional("short", after(50)).timeout(ms(10)),
        Branch::required("long", after(50)).timeout(ms(60)),
        Branch::optional("none", after(70)),
    ))
    .await
    .unwrap();
    assert_eq!(gathered.values, (Err(BranchError::TimedOut), 50, Ok(70)));
    assert_eq!(
        gathered.outcomes.get("short").map(|branch| (branch.end, branch.latency)),
        Some((BranchEnd::TimedOut, ms(10)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_required_branch_out_of_time_is_a_timeout() {
    let start = tokio::time::Instant::now();
    let error =
        gather((Branch::required("late", after(50)).timeout(ms(20)), Branch::optional("other", after(90))));
    let error = error.await.unwrap_err();
    assert_eq!((error.branch(), error.is_timeout(), start.elapsed()), (Some("late"), true, ms(20)));
    assert_eq!(error.to_string(), "the branch late did not end in time");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_in_the_last_moment_counts() {
    let gathered = gather((Branch::required("just", after(20)).timeout(ms(20)),)).await.unwrap();
    assert_eq!(gathered.values, (20,));
}

#[tokio::test(start_paused = true)]
async fn all_takes_optional_branches_for_required_ones() {
    let error = gather(optional(&[10, 5, 30])).policy(Policy::All).await.unwrap_err();
    assert_eq!(error.branch(), Some("5"));
    assert_eq!(words(error.outcomes()), ["cancelled", "error", "cancelled"]);
    let values = gather(optional(&[10, 6, 30])).policy(Policy::All).await.unwrap().values;
    assert_eq!(values, [Ok(10), Ok(6), Ok(30)]);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_is_done_with_so_many_and_drops_the_losers() {
    let start = tokio::time::Instant::now();
    let gathered = gather(optional(&[5, 40, 20, 90])).policy(Policy::Quorum(2)).await.unwrap();
    assert_eq!(start.elapsed(), ms(40));
    assert_eq!(words(&gathered.outcomes), ["error", "ok", "ok", "cancelled"]);
    assert_eq!(gathered.values[3], Err(BranchError::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_cannot_be_reached_is_not_waited_for() {
    let start = tokio::time::Instant::now();
    let error: GatherError = gather(optional(&[5, 7, 900])).policy(Policy::Quorum(2)).await.unwrap_err();
    assert_eq!((start.elapsed(), error.branch(), error.is_timeout()), (ms(7), None, false));
    assert_eq!(error.to_string(), "0 branches succeeded where 2 have to");
    let too_many = gather(optional(&[2])).policy(Policy::Quorum(2)).await.unwrap_err();
    assert_eq!(words(too_many.outcomes()), ["not_started"]);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_waits_for_what_is_required() {
    let branches = (
        Branch::optional("a", after(10)),
        Branch::required("b", after(30)),
        Branch::optional("c", after(90)),
    );
    let gathered = gather(branches).policy(Policy::Quorum(1)).await.unwrap();
    assert_eq!(gathered.values, (Ok(10), 30, Err(BranchError::Cancelled)));
}

#[tokio::test(start_paused = true)]
async fn the_first_success_wins_and_not_the_first_answer() {
    let start = tokio::time::Instant::now();
    let gathered = gather(optional(&[3, 40, 20])).policy(Policy::FirstSuccess).await.unwrap();
    assert_eq!((start.elapsed(), words(&gathered.outcomes)), (ms(20), vec!["error", "cancelled", "ok"]));
    let error = gather(optional(&[3, 5])).policy(Policy::FirstSuccess).await.unwrap_err();
    assert_eq!(words(error.outcomes()), ["error", "error"]);
}

#[tokio::test(start_paused = true)]
async fn best_effort_takes_what_is_there_in_time() {
    let policy = Policy::BestEffort { within: ms(50) };
    let start = tokio::time::Instant::now();
    let gathered = gather(optional(&[10, 60, 40, 5])).policy(policy).await.unwrap();
    assert_eq!(
        (start.elapsed(), words(&gathered.outcomes)),
        (ms(50), vec!["ok", "timed_out", "ok", "error"])
    );
    let start = tokio::time::Instant::now();
    gather(optional(&[10, 20])).policy(policy).await.unwrap();
    assert_eq!(start.elapsed(), ms(20), "when all are there nothing is waited for");
    let error = gather(optional(&[60, 70])).policy(policy).await.unwrap_err();
    assert!(error.is_timeout() && error.branch().is_none());
    let required = (Branch::required("late", after(60)), Branch::optional("there", after(10)));
    let error = gather(required).policy(policy).await.unwrap_err();
    assert_eq!((error.branch(), error.is_timeout()), (Some("late"), true));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_whole_ends_every_branch() {
    let deadline = integridai_tower::Deadline::after(ms(25));
    let gathered = gather(optional(&[10, 60])).deadline(deadline).await.unwrap();
    assert_eq!(gathered.values, [Ok(10), Err(BranchError::TimedOut)]);
    let past = gather(optional(&[10, 60])).deadline(integridai_tower::Deadline::after(ms(0))).await.unwrap();
    assert_eq!(words(&past.outcomes), ["timed_out", "timed_out"]);
    assert!(
        past.outcomes.iter().all(|branch| branch.attempts == 0),
        "what cannot end in time does not begin"
    );
}

#[tokio::test(start_paused = true)]
async fn so_many_branches_run_at_the_same_time() {
    let running = Arc::new(AtomicUsize::new(0));
    let branches = (0..10_u64).map(|number| {
        let running = Arc::clone(&running);
        let branch = async move {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            sleep(ms(10)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, String>((number, now))
        };
        Branch::required("branch", branch).timeout(ms(15))
    });
    let start = tokio::time::Instant::now();
    let values = gather(branches.collect::<Vec<_>>()).concurrency(3).await.unwrap().values;
    assert_eq!(values.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!(values.iter().map(|(_, now)| *now).max(), Some(3));
    assert_eq!(start.elapsed(), ms(40), "the time of a branch begins when it does");
}

#[tokio::test(start_paused = true)]
async fn a_branch_out_of_time_makes_room_for_the_next() {
    let gathered = gather(vec![
        Branch::optional("hangs", after(1000)).timeout(ms(10)),
        Branch::optional("next", after(2)),
        Branch::optional("last", after(4)),
    ]);
    let start = tokio::time::Instant::now();
    let gathered = gathered.concurrency(1).await.unwrap();
    assert_eq!((words(&gathered.outcomes), start.elapsed()), (vec!["timed_out", "ok", "ok"], ms(16)));
}

#[tokio::test(start_paused = true)]
async fn what_has_not_begun_when_all_is_decided_never_begins() {
    let gathered = gather(optional(&[2, 4, 6])).policy(Policy::FirstSuccess).concurrency(1).await.unwrap();
    assert_eq!(gathered.values, [Ok(2), Err(BranchError::NotStarted), Err(BranchError::NotStarted)]);
    assert_eq!(gathered.outcomes.iter().map(|branch| branch.attempts).collect::<Vec<_>>(), [1, 0, 0]);
}

#[tokio::test]
async fn what_is_dropped_drops_every_branch() {
    use futures_util::FutureExt;
    let drops = Drops::default();
    let branches = (0..3).map(|_| {
        let guard = drops.guard();
        Branch::required("branch", async move {
            let _guard = guard;
            pending::<Result<(), String>>().await
        })
    });
    let mut gathering = Box::pin(gather(branches.collect::<Vec<_>>()));
    assert!((&mut gathering).now_or_never().is_none());
    assert_eq!(drops.count(), 0);
    drop(gathering);
    assert_eq!(drops.count(), 3);
}

async fn panics() -> Result<(), String> {
    tokio::task::yield_now().await;
    panic!("of a branch")
}

#[tokio::test]
async fn a_panic_goes_through_and_drops_the_others() {
    let drops = Drops::default();
    let guard = drops.guard();
    let gathering = tokio::spawn(async move {
        let waits = async move {
            let _guard = guard;
            pending::<Result<(), String>>().await
        };
        gather((Branch::required("waits", waits), Branch::optional("panics", panics()))).await.map(|_| ())
    });
    assert!(gathering.await.unwrap_err().is_panic());
    assert_eq!(drops.count(), 1);
}

#[tokio::test]
async fn a_branch_says_its_status_and_attempts_itself() {
    use integridai_tower::fan_out::Report;
    let tried = Branch::optional("tried", ready(Err::<(), _>("503 after 3"))).report(|_| Report {
        end: None,
        status: Some(StatusCode::SERVICE_UNAVAILABLE),
        attempts: Some(3),
    });
    let outcomes = gather((tried,)).await.unwrap().outcomes;
    let tried = outcomes.get("tried").unwrap();
    assert_eq!((tried.status, tried.attempts), (Some(StatusCode::SERVICE_UNAVAILABLE), 3));
}
