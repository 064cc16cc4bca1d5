//! Tickets: good once, at every gateway, for a while.
use std::time::Duration;

use futures_util::future::join_all;
use integridai_gateway::store::{JsonText, NewTicket, Store};

use crate::homes::on_both;

const MINUTE: Duration = Duration::from_secs(60);

fn ticket(digest: &str, principal: &str) -> NewTicket {
    let facts = JsonText::parse(r#"{"subject":"ann"}"#).expect("JSON");
    NewTicket { digest: digest.to_owned(), principal: principal.to_owned(), facts, lifetime: MINUTE }
}

async fn take(store: &Store, digest: &str) -> Option<String> {
    let facts = store.take_ticket(digest.to_owned()).await.expect("the store works");
    facts.map(|facts| facts.as_str().to_owned())
}

#[tokio::test]
async fn of_all_who_come_with_a_ticket_one_gets_its_facts() {
    on_both(async |home| {
        let store = home.open().await;
        assert!(store.keep_ticket(ticket("a", "ann"), 10).await.unwrap());
        assert_eq!(take(&store, "b").await, None, "there is none of this name");
        let taken = join_all((0..20).map(|_| take(&store, "a"))).await;
        let facts: Vec<String> = taken.into_iter().flatten().collect();
        assert_eq!(facts, [r#"{"subject":"ann"}"#]);
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_has_ended_is_none_and_takes_no_room() {
    on_both(async |home| {
        let store = home.open().await;
        let ended = NewTicket { lifetime: Duration::ZERO, ..ticket("a", "ann") };
        assert!(store.keep_ticket(ended, 1).await.unwrap());
        assert_eq!(take(&store, "a").await, None);
        assert!(store.keep_ticket(ticket("b", "ann"), 1).await.unwrap());
        assert_eq!(take(&store, "b").await.as_deref(), Some(r#"{"subject":"ann"}"#));
    })
    .await;
}

#[tokio::test]
async fn a_principal_has_as_many_as_it_may_and_takes_nobodys_room() {
    on_both(async |home| {
        let store = home.open().await;
        let keep = async |digest: &str, principal: &str| {
            store.keep_ticket(ticket(digest, principal), 2).await.unwrap()
        };
        assert!(keep("a", "ann").await && keep("b", "ann").await);
        assert!(!keep("c", "ann").await);
        assert!(keep("d", "bob").await, "bob has none");
        assert!(take(&store, "c").await.is_none(), "it was not kept");
        assert!(take(&store, "a").await.is_some());
        assert!(keep("e", "ann").await, "one was used up");
    })
    .await;
}
