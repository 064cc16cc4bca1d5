//! What a subscriber gets of the log, and when.
use std::time::Duration;

use futures_util::FutureExt;
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::{Event, EventLog, EventType, Follower, Gap, Hub, Next, Overflow, Reader, Topics, Wanted};
use crate::store::{LoggedEvent, Store, StoreOptions, SystemEvent};

struct Place {
    hub: Hub,
    log: EventLog,
    store: Store,
    folder: TempDir,
}

fn place() -> Place {
    let folder = tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path().join("gateway.db"))).unwrap();
    let log = EventLog::new(store.clone(), 4);
    Place { hub: Hub::new(10, 4, 0), log, store, folder }
}

impl Place {
    /// Writes events from so many sources, and tells subscribers of them.
    async fn write(&self, sources: u64) {
        let event = |source: u64| SystemEvent { service_name: format!("s{source}"), ..event() };
        let events: Vec<_> = (1..=sources).map(event).collect();
        let appended = self.store.append_events(events.clone()).await.unwrap();
        for (appended, event) in appended.iter().zip(events) {
            self.hub.publish(LoggedEvent { cursor: appended.cursor, event });
        }
    }

    fn prune(&self, through: u64) {
        let file = rusqlite::Connection::open(self.folder.path().join("gateway.db")).unwrap();
        file.busy_timeout(Duration::from_secs(30)).unwrap();
        file.execute("DELETE FROM system_events WHERE cursor <= ?1", [through.cast_signed()]).unwrap();
    }

    fn follow(&self, overflow: Overflow, cursor: Option<u64>) -> Follower {
        let wanted = Wanted { topics: Topics::default(), reader: Reader::Operator };
        Follower::new(&self.hub, &self.log, wanted, overflow, cursor).unwrap()
    }
}

fn event() -> SystemEvent {
    Event::new(EventType::SystemAlert, "test", "x").unwrap().into()
}

async fn cursor(follower: &mut Follower) -> u64 {
    match follower.next().await {
        Next::Event(delivery) => delivery.cursor,
        other => panic!("no event: {other:?}"),
    }
}

#[tokio::test]
async fn a_new_subscriber_gets_what_is_committed_from_now_on_whatever_its_id_says() {
    let place = place();
    let mut follower = place.follow(Overflow::DropOldest, None);
    // From a replica whose clock is behind, or that had to wait for its commit.
    let event = SystemEvent { id: Uuid::from_u128(7 << 76), ..event() };
    place.hub.publish(LoggedEvent { cursor: 1, event });
    place.hub.publish(LoggedEvent { cursor: 2, event: self::event() });
    assert_eq!((cursor(&mut follower).await, cursor(&mut follower).await), (1, 2));
}

#[tokio::test]
async fn figures_that_a_subscriber_has_already_do_not_come_after_them() {
    let place = place();
    let mut follower = place.follow(Overflow::DropOldest, None);
    let figures = || SystemEvent::from(Event::new(EventType::MetricsUpdate, "gateway", "x").unwrap());
    let (older, alert, shown) = (figures(), event(), figures());
    follower.has_figures(shown.id);
    for (cursor, event) in (1..).zip([older, alert, shown, figures()]) {
        place.hub.publish(LoggedEvent { cursor, event });
    }
    assert_eq!((cursor(&mut follower).await, cursor(&mut follower).await), (2, 4));
}

async fn gap(follower: &mut Follower) -> Gap {
    match follower.next().await {
        Next::Gap(gap) => gap,
        other => panic!("no gap: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_pruned_while_the_log_is_read_is_told_before_what_follows_it() {
    let place = place();
    place.write(200).await;
    let mut follower = place.follow(Overflow::DropOldest, Some(0));
    assert_eq!(cursor(&mut follower).await, 1);
    place.prune(100);
    for expected in 2..=64 {
        assert_eq!(cursor(&mut follower).await, expected, "it was read already");
    }
    assert_eq!(gap(&mut follower).await, Gap { reason: "pruned", after: 64, through: 100 });
    for expected in 101..=200 {
        assert_eq!(cursor(&mut follower).await, expected, "it is told once");
    }
}

#[tokio::test]
async fn what_is_pruned_before_it_is_conflated_is_told_too() {
    let place = place();
    let mut follower = place.follow(Overflow::Conflate, None);
    place.write(20).await;
    place.prune(5);
    assert_eq!(gap(&mut follower).await, Gap { reason: "pruned", after: 0, through: 5 });
    for expected in 6..=20 {
        assert_eq!(cursor(&mut follower).await, expected);
    }
}

#[tokio::test]
async fn of_more_kinds_than_there_is_room_for_none_is_missing() {
    let place = place();
    let mut follower = place.follow(Overflow::Conflate, None);
    place.write(1_200).await;
    for expected in 1..=1_200 {
        assert_eq!(cursor(&mut follower).await, expected);
    }
    place.write(1).await;
    assert_eq!(cursor(&mut follower).await, 1_201, "it is up to date");
}

/// As a subscriber does that has something else to do at any moment.
async fn next_of_a_busy_one(follower: &mut Follower) -> Next {
    let looking = async {
        loop {
            if let Some(next) = follower.next().now_or_never() {
                return next;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("it comes on")
}

#[tokio::test]
async fn a_wait_that_is_cancelled_again_and_again_comes_on_all_the_same() {
    let place = place();
    let (mut resuming, mut conflating) =
        (place.follow(Overflow::DropOldest, Some(0)), place.follow(Overflow::Conflate, None));
    place.write(200).await;
    for follower in [&mut resuming, &mut conflating] {
        for expected in 1..=200 {
            let next = next_of_a_busy_one(follower).await;
            assert!(matches!(&next, Next::Event(delivery) if delivery.cursor == expected), "{next:?}");
        }
    }
}
