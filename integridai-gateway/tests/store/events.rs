//! The log of events: its cursors, what is told of them, and what is found by them.
use std::time::Duration;

use integridai_gateway::store::{
    EventBounds, EventFilter, EventRange, EventReader, JsonText, LoggedEvent, PageLimit, Store, StoreOptions,
    SystemEvent,
};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::homes::{Home, on_both, query};
use crate::samples::{PATIENCE, event, id_of, other_program, until};

const NEVER: Duration = Duration::from_secs(60 * 60);

fn plain() -> SystemEvent {
    event(&JsonText::empty_list())
}

fn named(source: &str, event_id: &str) -> SystemEvent {
    SystemEvent { service_name: source.to_owned(), event_id: Some(event_id.to_owned()), ..plain() }
}

async fn all(store: &Store) -> Vec<LoggedEvent> {
    let page = store.events(EventRange::after(0), EventFilter::default(), 10_000).await;
    page.expect("it can be read").events
}

async fn cursors(store: &Store, filter: EventFilter) -> Vec<u64> {
    let found = store.events(EventRange::after(0), filter, 100).await.expect("it can be read");
    cursors_of(&found.events)
}

#[tokio::test]
async fn an_event_is_written_at_once_and_announced_when_it_can_be_read() {
    on_both(async |home| {
        let store = home.open_with(StoreOptions { flush_interval: NEVER, ..home.options() }).await;
        let mut committed = store.committed_events();
        assert_eq!(*committed.borrow(), 0);
        for round in 1..=20 {
            let recorded = plain();
            store.record_event(recorded.clone());
            let told = tokio::time::timeout(PATIENCE, committed.wait_for(|cursor| *cursor >= round));
            let told = *told.await.expect("it does not wait for company").unwrap();
            assert_eq!(told, round);
            let last = all(&store).await.pop().unwrap();
            assert_eq!((last.cursor, last.event.id), (told, recorded.id));
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_follows_the_cursors_sees_every_event_once_and_in_order_however_it_was_written() {
    on_both(async |home| {
        let store = home.open().await;
        let mut committed = store.committed_events();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for number in 0..50 {
                        match writer % 2 {
                            0 => store.record_event(plain()),
                            _ => drop(store.append_events(vec![plain(), plain()]).await.unwrap()),
                        }
                        if number % 7 == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                })
            })
            .collect();
        let (mut seen, mut position) = (Vec::new(), 0);
        while seen.len() < 300 {
            let target = *tokio::time::timeout(PATIENCE, committed.wait_for(|cursor| *cursor > position))
                .await
                .unwrap()
                .unwrap();
            let page = store.events(EventRange::After(position, target), EventFilter::default(), 1_000).await;
            seen.extend(page.unwrap().events.into_iter().map(|logged| logged.cursor));
            position = target;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(seen.is_sorted_by(|one, next| one < next), "{seen:?}");
        assert_eq!(
            seen,
            cursors_of(&all(&store).await),
            "nothing came into being behind a cursor that was told"
        );
    })
    .await;
}

fn cursors_of(events: &[LoggedEvent]) -> Vec<u64> {
    events.iter().map(|logged| logged.cursor).collect()
}

#[tokio::test]
async fn a_cursor_is_never_given_twice_and_whoever_comes_with_an_old_one_learns_what_is_gone() {
    on_both(async |home| {
        let store = home.open_with(StoreOptions { retention: Duration::MAX, ..home.options() }).await;
        let old = OffsetDateTime::now_utc() - Duration::from_secs(40 * 24 * 60 * 60);
        for _ in 0..2 {
            store.append_events(vec![SystemEvent { id: id_of(old), ..plain() }]).await.unwrap();
        }
        assert_eq!(store.event_bounds().await.unwrap(), EventBounds { pruned_through: 0, newest: 2 });
        store.close(PATIENCE).await.unwrap();

        let store = home.open().await;
        until("the pruning", async || all(&store).await.is_empty()).await;
        let bounds = EventBounds { pruned_through: 2, newest: 2 };
        assert_eq!(store.event_bounds().await.unwrap(), bounds);
        assert_eq!(*store.committed_events().borrow(), 2);
        store.close(PATIENCE).await.unwrap();

        let store = home.open().await;
        assert_eq!(*store.committed_events().borrow(), 2, "an empty log goes on where it ended");
        let appended = store.append_events(vec![plain()]).await.unwrap();
        assert_eq!(appended[0].cursor, 3);
    })
    .await;
}

#[tokio::test]
async fn the_log_is_pruned_by_when_its_events_came_whatever_date_they_claim() {
    on_both(async |home| {
        let store = home.open_with(StoreOptions { retention: Duration::MAX, ..home.options() }).await;
        let old = OffsetDateTime::now_utc() - Duration::from_secs(40 * 24 * 60 * 60);
        let dated = |date, event| SystemEvent { timestamp: date, ..event };
        let events = vec![
            SystemEvent { id: id_of(old), ..dated(datetime!(9999-12-31 23:59 UTC), plain()) },
            dated(datetime!(2020-01-01 0:00 UTC), named("regtech", "a")),
        ];
        store.append_events(events).await.unwrap();
        store.close(PATIENCE).await.unwrap();

        let store = home.open().await;
        until("the pruning", async || all(&store).await.len() == 1).await;
        assert_eq!(cursors_of(&all(&store).await), [2], "it has only just come");
        let again = store.append_events(vec![named("regtech", "a")]).await.unwrap();
        assert_eq!((again[0].cursor, again[0].is_new), (2, false));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_its_source_hands_in_again_is_the_one_that_is_there() {
    on_both(async |home| {
        let store = home.open().await;
        let first = store.append_events(vec![named("regtech", "a"), named("regtech", "b")]).await.unwrap();
        assert!(first.iter().all(|appended| appended.is_new));
        let events = vec![named("regtech", "b"), named("flaisimulator", "b"), named("regtech", "c"), plain()];
        let again = store.append_events(events).await.unwrap();
        assert_eq!(
            again.iter().map(|appended| appended.is_new).collect::<Vec<_>>(),
            [false, true, true, true]
        );
        assert_eq!((again[0].id, again[0].cursor), (first[1].id, first[1].cursor));
        let twice = vec![named("regtech", "d"), named("regtech", "d")];
        let twice = store.append_events(twice).await.unwrap();
        assert_eq!((twice[0].is_new, twice[1].is_new, twice[0].id), (true, false, twice[1].id));
        assert_eq!(all(&store).await.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn of_events_that_are_handed_in_together_all_are_stored_or_none() {
    on_both(async |home| {
        let store = home.open().await;
        let taken = plain();
        store.append_events(vec![taken.clone()]).await.unwrap();
        let (one, other) = (store.append_events(vec![plain(), taken]), store.append_events(vec![plain()]));
        let (refused, stored) = tokio::join!(one, other);
        refused.unwrap_err();
        stored.unwrap();
        assert_eq!(all(&store).await.len(), 2, "others in the same transaction are stored");
    })
    .await;
}

#[tokio::test]
async fn a_list_has_what_fits_all_conditions_in_either_order_and_page_by_page() {
    on_both(async |home| {
        let store = home.open().await;
        let moment = OffsetDateTime::now_utc();
        let of = |kind: &str, source: &str, user: Option<&str>, age: u64| SystemEvent {
            event_type: kind.to_owned(),
            service_name: source.to_owned(),
            user_id: user.map(str::to_owned),
            owner: user.map(|user| format!("i|{user}")),
            correlation_id: Some(format!("c-{age}")),
            timestamp: moment - Duration::from_secs(age),
            ..plain()
        };
        let long = "https://regtech.example.org/".repeat(4);
        let events = vec![
            of("a", "regtech", None, 5),
            of("b", "regtech", Some("ann"), 4),
            of("b", &long, Some("bob"), 3),
            of("shared", "regtech", Some("bob"), 2),
        ];
        store.append_events(events).await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let none = EventFilter::default;
        let ann = Some(EventReader { owner: "i|ann".to_owned(), shared_types: &["shared", "x"] });
        for (filter, expected) in [
            (none(), &[1, 2, 3, 4][..]),
            (EventFilter { types: list(&["a", "shared"]), ..none() }, &[1, 4]),
            (EventFilter { topic_users: list(&["bob"]), ..none() }, &[3, 4]),
            (EventFilter { types: list(&["a"]), topic_users: list(&["ann"]), ..none() }, &[1, 2]),
            (EventFilter { source: text(&long), ..none() }, &[3]),
            (EventFilter { source: text("regtech"), user_id: text("ann"), ..none() }, &[2]),
            (EventFilter { correlation_id: text("c-2"), ..none() }, &[4]),
            (EventFilter { since: Some(moment - Duration::from_secs(4)), ..none() }, &[2, 3, 4]),
            (EventFilter { until: Some(moment - Duration::from_secs(4)), ..none() }, &[1]),
            (EventFilter { reader: ann.clone(), ..none() }, &[1, 2, 4]),
            (EventFilter { reader: ann, types: list(&["b"]), topic_users: list(&["bob"]), ..none() }, &[2]),
        ] {
            assert_eq!(cursors(&store, filter.clone()).await, expected, "{filter:?}");
        }
        let page = store.events(EventRange::Before(4), none(), 2).await.unwrap().events;
        assert_eq!(cursors_of(&page), [3, 2]);
        let page = store.events(EventRange::After(1, 3), none(), 10).await.unwrap().events;
        assert_eq!(cursors_of(&page), [2, 3]);
        assert_eq!(page[1].event.service_name, long);
        assert_eq!(service_name(home, 3), long[..50]);
    })
    .await;
}

#[tokio::test]
async fn a_read_looks_at_a_part_of_the_log_and_says_from_where_to_go_on() {
    on_both(async |home| {
        let store = home.open().await;
        let of = |kind: &str| SystemEvent { event_type: kind.to_owned(), ..plain() };
        let mut events = vec![of("rare")];
        events.extend((0..12_000).map(|_| of("common")));
        events.push(of("rare"));
        store.append_events(events).await.unwrap();
        let found = async |range| {
            let rare = EventFilter { types: vec!["rare".to_owned()], ..EventFilter::default() };
            let page = store.events(range, rare, 10).await.unwrap();
            (cursors_of(&page.events), page.next)
        };
        assert_eq!(found(EventRange::after(0)).await, (vec![1], Some(10_000)));
        assert_eq!(found(EventRange::after(10_000)).await, (vec![12_002], None));
        assert_eq!(found(EventRange::after(12_002)).await, (vec![], None));
        assert_eq!(found(EventRange::After(1, 500)).await, (vec![], None));
        assert_eq!(found(EventRange::Before(u64::MAX)).await, (vec![12_002], Some(2_003)));
        assert_eq!(found(EventRange::Before(2_003)).await, (vec![1], None));
        assert_eq!(found(EventRange::Before(1)).await, (vec![], None));
        let page = store.events(EventRange::after(0), EventFilter::default(), 5).await.unwrap();
        assert_eq!((cursors_of(&page.events), page.next), (vec![1, 2, 3, 4, 5], Some(5)));
    })
    .await;
}

#[tokio::test]
async fn a_page_ends_with_the_event_that_reaches_its_bytes() {
    on_both(async |home| {
        let store = home.open().await;
        // A database may keep the first ones in little room, and not the last.
        let noise: String = (0..10_000).map(|_| id_of(OffsetDateTime::now_utc()).to_string()).collect();
        let (even, uneven) = (serde_json::json!("x".repeat(300_000)), serde_json::json!(noise[..300_000]));
        let payloads = [&even, &even, &even, &uneven, &uneven, &uneven];
        let events = payloads.map(|payload| event(&JsonText::from(payload.clone())));
        store.append_events(events.to_vec()).await.unwrap();
        let found = async |range, bytes| {
            let limit = PageLimit { events: 100, bytes };
            let page = store.events(range, EventFilter::default(), limit).await.unwrap();
            (cursors_of(&page.events), page.next)
        };
        assert_eq!(found(EventRange::after(0), 500_000).await, (vec![1, 2], Some(2)));
        assert_eq!(found(EventRange::after(3), 1).await, (vec![4], Some(4)));
        assert_eq!(found(EventRange::after(4), 10_000_000).await, (vec![5, 6], None));
        assert_eq!(found(EventRange::Before(7), 500_000).await, (vec![6, 5], Some(5)));
        assert_eq!(found(EventRange::Before(2), 1).await, (vec![1], None));
    })
    .await;
}

/// The column of the published schema.
fn service_name(home: &Home, cursor: u64) -> String {
    let name = format!("SELECT service_name FROM system_events WHERE cursor = {cursor}");
    match home {
        Home::Sqlite(_) => {
            let file = other_program(&home.options().path);
            file.query_row(&name, [], |row| row.get(0)).expect("it is there")
        }
        Home::Postgres(url) => query(url, &name),
    }
}
