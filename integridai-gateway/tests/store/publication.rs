//! Events and the executions that they start: both are there, or neither is.
use integridai_gateway::store::{
    Admission, Admitted, EventFilter, EventRange, JsonText, NewExecution, NewStart, Published, Started,
    Store, StoreError, SystemEvent,
};

use crate::homes::on_both;
use crate::samples::{PATIENCE, event, new_now};

fn named(id: &str) -> SystemEvent {
    SystemEvent { event_id: Some(id.to_owned()), ..event(&JsonText::empty_list()) }
}

/// What the event at this place starts.
fn start(events: &[SystemEvent], place: usize) -> NewStart {
    NewStart { place, execution: NewExecution { id: events[place].id, ..new_now() } }
}

async fn counts(store: &Store) -> (usize, u64) {
    let log = store.events(EventRange::after(0), EventFilter::default(), 100).await.expect("it is read");
    (log.events.len(), store.queued_executions().await.expect("they are counted"))
}

#[tokio::test]
async fn an_event_and_what_it_starts_are_there_once_however_often_they_are_handed_in() {
    on_both(async |home| {
        let store = home.open().await;
        let publish = async || {
            let events = vec![named("1")];
            let starts = vec![start(&events, 0)];
            let published = store.publish_events(events, starts, Admission::UNBOUNDED).await;
            let Published::Stored(appended, started) = published.unwrap() else { panic!("there is room") };
            (appended[0], started[0])
        };
        let (first, started) = publish().await;
        assert_eq!((first.is_new, started), (true, Started::Now(first.id)));
        let cursor = first.cursor;
        let (again, started) = publish().await;
        assert_eq!((again.is_new, again.cursor, started), (false, cursor, Started::Before(first.id)));
        assert_eq!(counts(&store).await, (1, 1));
        let mut committed = store.committed_events();
        let told = tokio::time::timeout(PATIENCE, committed.wait_for(|newest| *newest == cursor)).await;
        told.expect("whoever follows the log is told").expect("the store is open");
    })
    .await;
}

#[tokio::test]
async fn without_room_in_the_queue_nothing_is_in_the_log() {
    on_both(async |home| {
        let store = home.open().await;
        let bounds = Admission { max_queued: 1, ..Admission::UNBOUNDED };
        let events = vec![named("1"), named("2")];
        let starts = vec![start(&events, 0), start(&events, 1)];
        let both = store.publish_events(events, starts, bounds);
        assert_eq!(both.await.unwrap(), Published::Refused(Admitted::Full));
        assert_eq!(counts(&store).await, (0, 0), "nor is the one there that had room");
        let events = vec![named("1")];
        let starts = vec![start(&events, 0)];
        let one = store.publish_events(events, starts, bounds).await.unwrap();
        assert!(matches!(one, Published::Stored(..)), "nothing is left of it: {one:?}");
    })
    .await;
}

#[tokio::test]
async fn without_a_place_in_the_log_nothing_is_in_the_queue() {
    on_both(async |home| {
        let store = home.open().await;
        let twice = event(&JsonText::empty_list());
        let events = vec![twice.clone(), twice];
        let starts = vec![start(&events, 0)];
        let refused = store.publish_events(events, starts, Admission::UNBOUNDED).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        assert_eq!(counts(&store).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_was_there_before_it_could_start_anything_starts_nothing() {
    on_both(async |home| {
        let store = home.open().await;
        store.append_events(vec![named("1")]).await.unwrap();
        let events = vec![named("1"), named("2"), named("2")];
        let starts = (0..3).map(|place| start(&events, place)).collect();
        let second = events[1].id;
        let published = store.publish_events(events, starts, Admission::UNBOUNDED).await.unwrap();
        let Published::Stored(_, started) = published else { panic!("there is room") };
        assert_eq!(started, [Started::Nothing, Started::Now(second), Started::Before(second)]);
        assert_eq!(counts(&store).await, (2, 1));
    })
    .await;
}
