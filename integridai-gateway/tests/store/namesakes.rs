//! Users and publishers of one name are not one.
use integridai_gateway::store::{EventFilter, EventRange, EventReader, JsonText, Store, SystemEvent};

use crate::homes::on_both;
use crate::samples::event;

fn of(kind: &str, owner: Option<&str>) -> SystemEvent {
    let user_id = Some("ann".to_owned());
    let owner = owner.map(str::to_owned);
    SystemEvent { event_type: kind.to_owned(), user_id, owner, ..event(&JsonText::empty_list()) }
}

async fn cursors(store: &Store, filter: EventFilter) -> Vec<u64> {
    let page = store.events(EventRange::after(0), filter, 100).await.expect("the store works");
    page.events.iter().map(|logged| logged.cursor).collect()
}

#[tokio::test]
async fn of_users_of_one_name_each_finds_its_own_events_and_an_operator_those_of_all() {
    on_both(async |home| {
        let store = home.open().await;
        let events = vec![
            of("note", Some("one|ann")),
            of("note", Some("other|ann")),
            of("note", None),
            of("shared", Some("other|ann")),
        ];
        store.append_events(events).await.unwrap();
        let ann = Some(EventReader { owner: "one|ann".to_owned(), shared_types: &["shared"] });
        let (none, name) = (EventFilter::default, vec!["ann".to_owned()]);
        for (filter, own, all) in [
            (none(), &[1, 4][..], &[1, 2, 3, 4][..]),
            (EventFilter { topic_users: name.clone(), ..none() }, &[1], &[1, 2, 3, 4]),
            (
                EventFilter { topic_users: name, types: vec!["shared".to_owned()], ..none() },
                &[1, 4],
                &[1, 2, 3, 4],
            ),
            (EventFilter { user_id: Some("ann".to_owned()), ..none() }, &[1], &[1, 2, 3, 4]),
        ] {
            assert_eq!(
                cursors(&store, EventFilter { reader: ann.clone(), ..filter.clone() }).await,
                own,
                "{filter:?}"
            );
            assert_eq!(cursors(&store, filter.clone()).await, all, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_id_is_known_where_source_and_publisher_are_the_same() {
    on_both(async |home| {
        let store = home.open().await;
        let named = |publisher: &str| {
            let (event_id, publisher) = (Some("e-1".to_owned()), publisher.to_owned());
            SystemEvent { event_id, publisher, ..event(&JsonText::empty_list()) }
        };
        let append = async |publishers: &[&str]| {
            let events = publishers.iter().map(|publisher| named(publisher)).collect();
            let appended = store.append_events(events).await.unwrap();
            appended.iter().map(|one| (one.cursor, one.is_new)).collect::<Vec<_>>()
        };
        assert_eq!(append(&["|ann", "|bob"]).await, [(1, true), (2, true)]);
        let again = append(&["|bob", "|ann", ""]).await;
        assert_eq!(again[..2], [(2, false), (1, false)]);
        assert!(again[2].1, "{again:?}");
    })
    .await;
}
