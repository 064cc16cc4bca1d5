//! What is to be told to Redis, in its order. Entries may be dropped; changes are kept until Redis has them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::log::What;
use crate::cache::{Entry, Key};

/// Changes that are kept while Redis is away; more become one of everything.
const MOST_CHANGES: usize = 8192;

pub(super) enum Job {
    Put(Put),
    Change(Change),
}

/// An entry to be stored.
pub(super) struct Put {
    pub(super) url: String,
    pub(super) digest: u128,
    pub(super) entry: Arc<Entry>,
    pub(super) most_variants: usize,
    /// What had been changed when the origin was asked.
    pub(super) mark: u64,
}

pub(super) struct Change {
    pub(super) what: What,
    /// Of the URL, where it is about one.
    digest: Option<u128>,
    pub(super) is_soft: bool,
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    woken: Notify,
    /// How many jobs are not done.
    open: watch::Sender<usize>,
    most_bytes: usize,
}

/// A job that is in hand. Unless it is done, an entry is dropped and a change is put back.
pub(super) struct Taken<'a> {
    queue: &'a Queue,
    job: Option<Job>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Of the entries.
    bytes: usize,
    /// Those that wait, and the one that is being told.
    changes: usize,
    urls: HashMap<u128, usize>,
    others: usize,
    /// URLs whose removal waits.
    removals: HashSet<u128>,
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { waiting: Mutex::default(), woken: Notify::new(), open: watch::Sender::new(0), most_bytes }
    }

    /// Whether there was room for it.
    pub(super) fn put(&self, put: Put) -> bool {
        let mut waiting = self.lock();
        let weight = put.entry.weight();
        if waiting.is_closed || waiting.bytes + weight > self.most_bytes {
            return false;
        }
        waiting.bytes += weight;
        self.push(waiting, Job::Put(put));
        true
    }

    pub(super) fn change(&self, what: What, key: Option<&Key<'_>>, is_soft: bool) {
        let change = Change { what, digest: key.map(Key::digest), is_soft };
        let mut waiting = self.lock();
        // One that waits comes later than this moment, and nothing was to be stored after it: it does for both. Otherwise
        // a URL that is posted to through an outage would fill the queue.
        let waits = change.removes().is_some_and(|url| waiting.removals.contains(&url));
        if waits && waiting.bytes == 0 {
            return;
        }
        if waiting.changes >= MOST_CHANGES {
            self.collapse(&mut waiting);
        }
        waiting.begin(&change);
        waiting.removals.extend(change.removes());
        self.push(waiting, Job::Change(change));
    }

    /// Whether Redis is still to be told of something about this URL.
    pub(super) fn is_about(&self, url: u128) -> bool {
        let waiting = self.lock();
        waiting.others > 0 || waiting.urls.contains_key(&url)
    }

    pub(super) fn changes(&self) -> usize {
        self.lock().changes
    }

    /// The next job; `None` once it is closed and there is none.
    pub(super) async fn next(&self) -> Option<Taken<'_>> {
        loop {
            let woken = self.woken.notified();
            {
                let mut waiting = self.lock();
                if let Some(job) = waiting.jobs.pop_front() {
                    waiting.leave(&job);
                    return Some(Taken { queue: self, job: Some(job) });
                }
                if waiting.is_closed {
                    return None;
                }
            }
            woken.await;
        }
    }

    fn back(&self, change: Change) {
        let mut waiting = self.lock();
        waiting.removals.extend(change.removes());
        waiting.jobs.push_front(Job::Change(change));
    }

    /// Drops the entries; how many there were.
    pub(super) fn drop_puts(&self) -> usize {
        let mut waiting = self.lock();
        let before = waiting.jobs.len();
        waiting.jobs.retain(|job| matches!(job, Job::Change(_)));
        waiting.bytes = 0;
        let dropped = before - waiting.jobs.len();
        drop(waiting);
        self.open.send_modify(|open| *open = open.saturating_sub(dropped));
        dropped
    }

    /// Nothing comes any longer.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.woken.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Until nothing waits.
    pub(super) async fn settled(&self) {
        // This end sends as long as it waits.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    fn done(&self, job: &Job) {
        if let Job::Change(change) = job {
            self.lock().end(change);
        }
        self.open.send_modify(|open| *open = open.saturating_sub(1));
    }

    fn push(&self, mut waiting: MutexGuard<'_, Waiting>, job: Job) {
        waiting.jobs.push_back(job);
        self.open.send_modify(|open| *open += 1);
        drop(waiting);
        self.woken.notify_one();
    }

    /// Makes one change of everything of all that wait. What was to be stored before it would not be right after it.
    fn collapse(&self, waiting: &mut Waiting) {
        let jobs = std::mem::take(&mut waiting.jobs);
        let before = jobs.len();
        let mut all = Change { what: What::All, digest: None, is_soft: true };
        for job in jobs {
            if let Job::Change(change) = job {
                all.is_soft &= change.is_soft;
                waiting.end(&change);
            }
        }
        waiting.bytes = 0;
        waiting.removals.clear();
        waiting.begin(&all);
        waiting.jobs.push_back(Job::Change(all));
        self.open.send_modify(|open| *open = open.saturating_sub(before) + 1);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken<'_> {
    pub(super) fn job(&self) -> &Job {
        self.job.as_ref().expect("it is taken out only at the end")
    }

    pub(super) fn done(mut self) {
        self.job.take().iter().for_each(|job| self.queue.done(job));
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        match self.job.take() {
            Some(Job::Change(change)) => self.queue.back(change),
            Some(job @ Job::Put(_)) => self.queue.done(&job),
            None => {}
        }
    }
}

impl Change {
    /// The URL that it removes, alone and for good.
    fn removes(&self) -> Option<u128> {
        self.digest.filter(|_| !self.is_soft)
    }
}

impl Waiting {
    /// A job is taken.
    fn leave(&mut self, job: &Job) {
        match job {
            Job::Put(put) => self.bytes -= put.entry.weight(),
            Job::Change(change) => {
                if let Some(url) = change.removes() {
                    self.removals.remove(&url);
                }
            }
        }
    }

    fn begin(&mut self, change: &Change) {
        self.changes += 1;
        match change.digest {
            Some(url) => *self.urls.entry(url).or_default() += 1,
            None => self.others += 1,
        }
    }

    fn end(&mut self, change: &Change) {
        self.changes -= 1;
        match change.digest {
            None => self.others -= 1,
            Some(url) => {
                if let Some(count) = self.urls.get_mut(&url) {
                    *count -= 1;
                    if *count == 0 {
                        self.urls.remove(&url);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::assess::sample;
    use crate::cache::key::Keys;

    fn put(digest: u128) -> Put {
        let entry = Arc::new(sample(200, &[("cache-control", "max-age=60")], "text", 0));
        Put { url: String::new(), digest, entry, most_variants: 1, mark: 0 }
    }

    fn change(queue: &Queue, path: &str, is_soft: bool) -> u128 {
        let url = format!("http://a.test/{path}").parse().unwrap();
        let keys = Keys::new("http", false).with_secret((1, 2));
        let key = keys.of_url(&url);
        queue.change(What::Url(key.url()), Some(&key), is_soft);
        key.digest()
    }

    #[tokio::test]
    async fn a_change_is_open_until_it_is_done() {
        let queue = Queue::new(1 << 20);
        let url = change(&queue, "", false);
        let dropped = queue.next().await;
        assert!(queue.is_about(url) && !queue.is_about(url + 1) && queue.changes() == 1);
        drop(dropped);
        queue.next().await.unwrap().done();
        assert!(!queue.is_about(url) && queue.changes() == 0);
        queue.settled().await;
    }

    #[tokio::test]
    async fn entries_are_dropped_and_changes_are_not() {
        let queue = Queue::new(put(0).entry.weight() * 2);
        assert!(queue.put(put(1)));
        let url = change(&queue, "", false);
        assert!(queue.put(put(2)) && !queue.put(put(3)));
        assert_eq!(queue.drop_puts(), 2);
        assert!(queue.put(put(4)) && queue.is_about(url));
        let taken = queue.next().await.unwrap();
        assert!(matches!(taken.job(), Job::Change(_)));
        taken.done();
        queue.close();
        assert!(matches!(queue.next().await.unwrap().job(), Job::Put(Put { digest: 4, .. })));
        assert!(queue.next().await.is_none() && !queue.put(put(5)));
    }

    #[tokio::test]
    async fn a_url_that_waits_to_be_removed_is_not_queued_again() {
        let queue = Queue::new(1 << 20);
        let again = |expected| {
            change(&queue, "", false);
            assert_eq!(queue.changes(), expected);
        };
        again(1);
        again(1);
        // Redis may have done it already.
        let taken = queue.next().await;
        again(2);
        again(2);
        drop(taken);
        again(2);
        // It would come before what is to be stored, and not after it.
        queue.put(put(1));
        again(3);
        queue.drop_puts();
        again(3);
        change(&queue, "", true);
        assert_eq!(queue.changes(), 4);
    }

    #[tokio::test]
    async fn more_changes_than_are_kept_become_one_of_everything() {
        for (is_soft, path) in [(true, "soft"), (false, "hard")] {
            let queue = Queue::new(1 << 20);
            let url = change(&queue, path, is_soft);
            for at in 1..MOST_CHANGES {
                change(&queue, &at.to_string(), true);
            }
            assert_eq!(queue.changes(), MOST_CHANGES);
            change(&queue, "last", true);
            assert!(queue.changes() == 2 && queue.is_about(url));
            let taken = queue.next().await.unwrap();
            let Job::Change(all) = taken.job() else { panic!("a change was queued") };
            assert_eq!((&all.what, all.is_soft), (&What::All, is_soft));
        }
    }
}
