//! Events and the executions that they start: both are there, or neither is.
use std::time::Duration;

use integridai_gateway::store::{
    Admission, Admitted, EventFilter, EventRange, JsonText, KeyAnswer, NewKey, NewStart, Published, Store,
    StoreError, SystemEvent,
};
use time::OffsetDateTime;

use crate::homes::on_both;
use crate::samples::{PATIENCE, event, new_now};

fn named(id: &str) -> SystemEvent {
    SystemEvent { event_id: Some(id.to_owned()), ..event(&JsonText::empty_list()) }
}

fn start(id: &str) -> NewStart {
    let expires_at = OffsetDateTime::now_utc() + Duration::from_secs(60);
    let (key, fingerprint) = (id.to_owned(), "training.completed".to_owned());
    NewStart {
        execution: new_now(),
        key: NewKey { key, fingerprint, answer: KeyAnswer::Accepted, expires_at },
    }
}

async fn counts(store: &Store) -> (usize, u64) {
    let log = store.events(EventRange::after(0), EventFilter::default(), 100).await.expect("it is read");
    (log.len(), store.queued_executions().await.expect("they are counted"))
}

#[tokio::test]
async fn an_event_and_what_it_starts_are_there_once_however_often_they_are_handed_in() {
    on_both(async |home| {
        let store = home.open().await;
        let first = start("1");
        let publish = async |start: NewStart| {
            let published = store.publish_events(vec![named("1")], vec![start], Admission::UNBOUNDED).await;
            let Published::Stored(appended, admitted) = published.unwrap() else { panic!("there is room") };
            (appended[0].cursor, appended[0].is_new, admitted)
        };
        let (cursor, is_new, admitted) = publish(first.clone()).await;
        assert_eq!((is_new, admitted), (true, vec![Admitted::Accepted]));
        let (again, is_new, admitted) = publish(start("1")).await;
        assert_eq!((again, is_new), (cursor, false));
        let [Admitted::Repeated(found, KeyAnswer::Accepted)] = &*admitted else { panic!("{admitted:?}") };
        assert_eq!(found.id, first.execution.id);
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
        let both = store.publish_events(vec![named("1"), named("2")], vec![start("1"), start("2")], bounds);
        assert_eq!(both.await.unwrap(), Published::Refused(Admitted::Full));
        assert_eq!(counts(&store).await, (0, 0), "nor is the one there that had room");
        let one = store.publish_events(vec![named("1")], vec![start("1")], bounds).await.unwrap();
        assert!(matches!(one, Published::Stored(..)), "its key is free: {one:?}");
    })
    .await;
}

#[tokio::test]
async fn without_a_place_in_the_log_nothing_is_in_the_queue() {
    on_both(async |home| {
        let store = home.open().await;
        let twice = event(&JsonText::empty_list());
        let events = vec![twice.clone(), twice];
        let refused = store.publish_events(events, vec![start("1")], Admission::UNBOUNDED).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        assert_eq!(counts(&store).await, (0, 0));
    })
    .await;
}
