//! What a subscriber gets of the log, and when.
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::{Event, EventLog, EventType, Follower, Hub, Next, Overflow, Reader, Topics, Wanted};
use crate::store::{LoggedEvent, Store, StoreOptions, SystemEvent};

struct Place {
    hub: Hub,
    log: EventLog,
    store: Store,
    _folder: TempDir,
}

fn place() -> Place {
    let folder = tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path().join("gateway.db"))).unwrap();
    let log = EventLog::new(store.clone(), 4);
    Place { hub: Hub::new(10, 4, 0), log, store, _folder: folder }
}

impl Place {
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
    place.store.close(std::time::Duration::from_secs(30)).await.unwrap();
}
