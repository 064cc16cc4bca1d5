//! An answer that arrives for one request between the look of another into the store and its way to the origin.

use std::sync::Mutex;

use integridai_tower::cache::{Entry, Key, Lookup, Purge, Store, Terms};

use super::*;

/// Something that happens once, right after somebody has looked and found nothing.
type Meanwhile = Box<dyn FnOnce() + Send>;

struct Interrupted {
    memory: MemoryStore,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl Store for Interrupted {
    fn find(&self, key: &Key<'_>) -> Lookup {
        let found = self.memory.find(key);
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        found
    }

    fn put(&self, key: &Key<'_>, entry: Arc<Entry>, terms: &Terms<'_>) {
        self.memory.put(key, entry, terms);
    }

    fn remove(&self, key: &Key<'_>) {
        self.memory.remove(key);
    }

    fn purge(&self, purge: &Purge<'_>) -> usize {
        self.memory.purge(purge)
    }
}

#[tokio::test]
async fn what_lands_between_the_look_and_the_way_to_the_origin_is_not_asked_for_again() {
    let (memory, meanwhile) = (MemoryStore::new(1 << 20).unwrap(), Mutex::default());
    let (store, calls) = (Arc::new(Interrupted { memory, meanwhile }), Arc::new(AtomicUsize::new(0)));
    let origin = {
        let calls = Arc::clone(&calls);
        service_fn(move |_: Ask| {
            let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
            std::future::ready(Ok::<_, Infallible>(answer(
                &[("cache-control", "max-age=60")],
                number.to_string(),
            )))
        })
    };
    let cache = CacheLayer::new(Arc::clone(&store)).layer(origin);
    let other = cache.clone();
    *store.meanwhile.lock().unwrap() = Some(Box::new(move || {
        let other = other.oneshot(get("/a")).now_or_never().expect("the origin answers at once");
        assert_eq!(CacheOutcome::of(other.unwrap().extensions()), Some(CacheOutcome::Stored));
    }));
    let reply = read(cache.oneshot(get("/a")).await.unwrap()).await;
    assert!(store.meanwhile.lock().unwrap().is_none());
    assert_eq!((calls.load(Ordering::SeqCst), reply.outcome), (1, Some(CacheOutcome::Hit)));
    assert_eq!(reply.body, "1");
}
