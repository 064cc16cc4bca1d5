//! Circuits by key: one for each host, route or tenant.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter};

use super::{Circuit, CircuitOptions, State, Transition};
use crate::ConfigError;

type Listener = dyn Fn(&Transition) + Send + Sync;
type Kept = Cache<String, Circuit, UnitWeighter, DefaultHashBuilder, KeepUnwell>;

/// One circuit for each key, made when the key is first met. A clone shares them.
///
/// When there are too many, one that has not been used for long is let go; never one that is not closed as long as there is
/// another.
#[derive(Clone)]
pub struct Circuits(Arc<Shared>);

struct Shared {
    options: CircuitOptions,
    kept: Kept,
    listener: Option<Arc<Listener>>,
}

/// A circuit that refuses calls, or that somebody has set, is not to be forgotten.
#[derive(Debug, Clone, Copy, Default)]
struct KeepUnwell;

impl Lifecycle<String, Circuit> for KeepUnwell {
    type RequestState = ();

    fn is_pinned(&self, _: &String, circuit: &Circuit) -> bool {
        circuit.state() != State::Closed
    }
}

/// A key is a name, not a document.
const MAX_KEY: usize = 256;

impl Circuits {
    /// Circuits of these options, `max` of them at most.
    ///
    /// # Errors
    /// Where a setting cannot work, or `max` is 0.
    pub fn new(options: CircuitOptions, max: usize) -> Result<Self, ConfigError> {
        options.check()?;
        if max == 0 {
            return Err(ConfigError::new("max", "expected at least one circuit"));
        }
        let kept = Cache::with(max, max as u64, UnitWeighter, DefaultHashBuilder::default(), KeepUnwell);
        Ok(Self(Arc::new(Shared { options, kept, listener: None })))
    }

    /// Tells `listener` of each transition of each circuit; see [`Circuit::on_transition`].
    ///
    /// # Errors
    /// The circuits as they were, where they are shared already.
    pub fn on_transition(
        mut self,
        listener: impl Fn(&Transition) + Send + Sync + 'static,
    ) -> Result<Self, Self> {
        match Arc::get_mut(&mut self.0) {
            Some(shared) => shared.listener = Some(Arc::new(listener)),
            None => return Err(self),
        }
        Ok(self)
    }

    /// The circuit of a key, of which the first 256 bytes count.
    #[must_use]
    pub fn circuit(&self, key: &str) -> Circuit {
        let key = cut(key);
        if let Some(circuit) = self.0.kept.get(key) {
            return circuit;
        }
        let make = || {
            let circuit = Circuit::with(self.0.options.clone(), key);
            Ok::<_, std::convert::Infallible>(circuit.listened_to_by(self.0.listener.clone()))
        };
        match self.0.kept.get_or_insert_with(key, make) {
            Ok(circuit) => circuit,
            Err(never) => match never {},
        }
    }

    /// The circuit of a key that was met.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Circuit> {
        self.0.kept.get(cut(key))
    }

    /// All that are kept, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Circuit> {
        self.0.kept.iter().map(|(_, circuit)| circuit).collect()
    }
}

fn cut(key: &str) -> &str {
    let end = (0..=MAX_KEY.min(key.len())).rev().find(|end| key.is_char_boundary(*end));
    &key[..end.unwrap_or(0)]
}

impl fmt::Debug for Circuits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuits").field("kept", &self.0.kept.len()).finish_non_exhaustive()
    }
}
