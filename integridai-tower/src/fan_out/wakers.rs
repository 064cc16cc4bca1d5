//! Which branches have something to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The branches that were woken since they were last asked, and the task to wake for them.
#[derive(Debug)]
pub(super) struct Woken {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    indices: Vec<usize>,
    task: Waker,
}

/// Wakes the task and says which branch it is for.
#[derive(Debug)]
struct BranchWaker {
    index: usize,
    is_queued: AtomicBool,
    woken: Arc<Woken>,
}

impl Woken {
    /// One waker for each of so many branches.
    pub(super) fn wakers(task: &Waker, branches: usize) -> (Arc<Self>, Vec<BranchWakerHandle>) {
        let state = State { indices: Vec::with_capacity(branches), task: task.clone() };
        let woken = Arc::new(Self { state: Mutex::new(state) });
        let wakers = (0..branches).map(|index| BranchWakerHandle::new(index, &woken)).collect();
        (woken, wakers)
    }

    /// Moves the woken branches into `indices`, and keeps the task's waker of now.
    pub(super) fn take(&self, task: &Waker, indices: &mut Vec<usize>) {
        indices.clear();
        let mut state = self.state();
        if !state.task.will_wake(task) {
            state.task.clone_from(task);
        }
        std::mem::swap(&mut state.indices, indices);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of a branch.
#[derive(Debug)]
pub(super) struct BranchWakerHandle {
    waker: Waker,
    branch: Arc<BranchWaker>,
}

impl BranchWakerHandle {
    fn new(index: usize, woken: &Arc<Woken>) -> Self {
        let branch =
            Arc::new(BranchWaker { index, is_queued: AtomicBool::new(false), woken: Arc::clone(woken) });
        Self { waker: Waker::from(Arc::clone(&branch)), branch }
    }

    /// For the branch, which is asked now: it may be queued again from here on.
    pub(super) fn arm(&self) -> &Waker {
        self.branch.is_queued.store(false, Ordering::SeqCst);
        &self.waker
    }
}

impl Wake for BranchWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_queued.swap(true, Ordering::SeqCst) {
            return;
        }
        let task = {
            let mut state = self.woken.state();
            state.indices.push(self.index);
            state.task.clone()
        };
        task.wake();
    }
}
