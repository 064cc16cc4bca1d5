use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// The series of one metric by their labels, each looked up once: the facade makes a key anew for every look-up, which
/// costs more than to record. A clone has the same ones. Make it after [`install`](super::install), and only for labels
/// whose number has a bound.
#[derive(Debug)]
pub struct Series<L, H> {
    known: Arc<RwLock<HashMap<L, H>>>,
}

impl<L: Clone + Eq + Hash, H: Clone> Series<L, H> {
    /// The series with these labels; `register` looks it up where it is not known yet.
    pub fn of(&self, labels: L, register: impl FnOnce(L) -> H) -> H {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return known.clone();
        }
        let series = register(labels.clone());
        self.known.write().unwrap_or_else(PoisonError::into_inner).entry(labels).or_insert(series).clone()
    }
}

// By hand: an empty one needs nothing of its parts, and a clone shares them.
impl<L, H> Default for Series<L, H> {
    fn default() -> Self {
        Self { known: Arc::default() }
    }
}

impl<L, H> Clone for Series<L, H> {
    fn clone(&self) -> Self {
        Self { known: Arc::clone(&self.known) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_is_looked_up_once() {
        let (series, mut looked_up) = (Series::default(), Vec::new());
        for label in ["a", "b", "a", "b"] {
            let length = series.clone().of(label, |label| {
                looked_up.push(label);
                looked_up.len()
            });
            assert_eq!(length, if label == "a" { 1 } else { 2 });
        }
        assert_eq!(looked_up, ["a", "b"]);
    }
}
