//! A thousand clients of one missing answer, each with a connection of its own.
#![allow(clippy::print_stdout, reason = "the ratio belongs into the benches' tables")]

use std::future::pending;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Mutex, MutexGuard};

use super::case::{Case, Step, case, get};
use super::layer::Store;
use super::rig::{Cached, Rig};
use super::script::{Framed, Hold};

const SECTION: &str = "RFC 9111 §4";
const FRESH: &str = "cache-control: max-age=60";
const CROWD: usize = 1_000;
/// Each client has two ends here, and those of the crowd before may not be closed yet.
const OPEN_FILES: u64 = 16_384;
const FIRST: &str = "first|";
const CONTENT: &str = "first|second|third|";
/// How long the origin of the ratio takes.
const ORIGIN: Duration = Duration::from_millis(200);

/// Only one crowd at a time has its connections.
static PLACE: Mutex<()> = Mutex::const_new(());

/// Systems let a process have about a thousand open files unless it asks for more.
async fn allow_a_crowd() -> MutexGuard<'static, ()> {
    let place = PLACE.lock().await;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), ..limit };
        setrlimit(Resource::Nofile, raised).expect("no more than the most that it may have");
    }
    place
}

fn streaming(step: Step, clients: usize) -> Step {
    step.held(Hold::Arrived(clients))
        .gives(&[FRESH])
        .framed(Framed::Chunked)
        .gives_content(CONTENT)
        .paced(clients)
}

async fn start(cached: Cached<'_>) -> Rig {
    Rig::start(&case("a crowd", SECTION), cached).await.expect("the loopback has free ports")
}

async fn holds(step: Step) {
    let case = case("a crowd", SECTION).then(step).then(get().hit());
    let _place = allow_a_crowd().await;
    let problems = start(Cached::Here(&Store::Memory)).await.play(&case).await;
    assert_eq!(problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_crowd_asks_the_origin_once() {
    let step = get().together(CROWD).held(Hold::Arrived(CROWD)).gives(&[FRESH]);
    holds(step.asks(1).content_of(1).status(200)).await;
}

#[tokio::test]
async fn a_crowd_has_the_first_of_a_stream_before_the_origin_sends_the_rest() {
    holds(streaming(get().together(CROWD), CROWD).asks(1).content_of(1).status(200)).await;
}

#[tokio::test]
async fn a_first_client_that_leaves_before_its_answer_takes_nobody_of_a_crowd_along() {
    let step = get().first_leaves(CROWD).held(Hold::Left(1)).gives(&[FRESH]).gives_content(CONTENT);
    holds(
        step.next_answer()
            .gives(&[FRESH])
            .gives_content(CONTENT)
            .asks_at_most(2)
            .status(200)
            .content(CONTENT),
    )
    .await;
}

#[tokio::test]
async fn a_first_client_that_leaves_half_way_takes_nobody_of_a_crowd_along() {
    let step = streaming(get().first_leaves(CROWD), CROWD).paced(CROWD - 1);
    holds(
        step.next_answer()
            .gives(&[FRESH])
            .gives_content(CONTENT)
            .asks_at_most(2)
            .status(200)
            .content(CONTENT),
    )
    .await;
}

/// From the moment in which the origin may answer until all have the first piece.
async fn time_to_first(clients: usize, cached: Cached<'_>) -> Duration {
    let rig = start(cached).await;
    let mut step = streaming(get().together(clients), clients);
    let asked = if matches!(cached, Cached::Not) { clients } else { 1 };
    for _ in 1..asked {
        step = streaming(step.next_answer(), clients);
    }
    let case: Case = case("a crowd", SECTION).then(step.asks(asked));
    let progress = rig.progress();
    let mut time = None;
    let watch = async {
        progress.until(|counts| counts.arrived >= clients).await;
        let may_answer = Instant::now();
        progress.until(|counts| counts.received >= clients * FIRST.len()).await;
        time = Some(may_answer.elapsed());
        pending::<()>().await;
    };
    let problems = tokio::select! {
        problems = rig.play(&case) => problems,
        () = watch => Vec::new(),
    };
    assert_eq!(problems, Vec::<String>::new());
    time.expect("all have the first before the rest")
}

#[tokio::test]
async fn the_time_to_the_first_of_a_stream_is_told() {
    let _place = allow_a_crowd().await;
    let crowd = time_to_first(CROWD, Cached::Here(&Store::Memory)).await;
    let one = time_to_first(1, Cached::Not).await;
    let direct = time_to_first(CROWD, Cached::Not).await;
    let ratio = |direct: Duration| (ORIGIN + crowd).as_secs_f64() / (ORIGIN + direct).as_secs_f64();
    println!(
        "the first of a stream is with {CROWD} clients after {crowd:?}, without the cache with one after {one:?} and \
         with as many after {direct:?}: behind an origin that takes {ORIGIN:?}, {:.3} times the time of one and {:.3} \
         times that of as many",
        ratio(one),
        ratio(direct)
    );
}
