//! Where keys are looked up.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::record::ApiKeyRecord;
use crate::ConfigError;

/// Finds what is kept of a key, by its public id. Must not block.
///
/// Closures of `Fn(&str) -> Option<Arc<ApiKeyRecord>>` implement it.
pub trait FindApiKey: Send + Sync {
    /// The record of this id.
    fn find(&self, id: &str) -> Option<Arc<ApiKeyRecord>>;
}

impl<F> FindApiKey for F
where
    F: Fn(&str) -> Option<Arc<ApiKeyRecord>> + Send + Sync,
{
    fn find(&self, id: &str) -> Option<Arc<ApiKeyRecord>> {
        self(id)
    }
}

/// Keys in memory. A clone shares them; look-ups never wait for a change.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyRing(Arc<ArcSwap<Records>>);

type Records = HashMap<Box<str>, Arc<ApiKeyRecord>>;

impl ApiKeyRing {
    /// These keys.
    ///
    /// # Errors
    /// Where two of them have the same id.
    pub fn new(records: impl IntoIterator<Item = ApiKeyRecord>) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(collect(records)?))))
    }

    /// These keys and no others, from now on.
    ///
    /// # Errors
    /// Where two of them have the same id; then nothing changes.
    pub fn replace(&self, records: impl IntoIterator<Item = ApiKeyRecord>) -> Result<(), ConfigError> {
        self.0.store(Arc::new(collect(records)?));
        Ok(())
    }

    /// This key too, in place of the one of its id. Copies the list: to load many, [`replace`](Self::replace) it.
    pub fn insert(&self, record: ApiKeyRecord) {
        let record = Arc::new(record);
        self.0.rcu(|records| {
            let mut records = Records::clone(records);
            records.insert(record.id().into(), Arc::clone(&record));
            records
        });
    }

    /// No longer the key of this id.
    pub fn remove(&self, id: &str) {
        self.0.rcu(|records| {
            let mut records = Records::clone(records);
            records.remove(id);
            records
        });
    }

    /// All keys, in no order: to be written to a file.
    #[must_use]
    pub fn records(&self) -> Vec<Arc<ApiKeyRecord>> {
        self.0.load().values().cloned().collect()
    }
}

impl FindApiKey for ApiKeyRing {
    fn find(&self, id: &str) -> Option<Arc<ApiKeyRecord>> {
        self.0.load().get(id).cloned()
    }
}

fn collect(records: impl IntoIterator<Item = ApiKeyRecord>) -> Result<Records, ConfigError> {
    let mut known = Records::new();
    for record in records {
        if known.insert(record.id().into(), Arc::new(record)).is_some() {
            return Err(ConfigError::new("records", "two API keys have the same id"));
        }
    }
    Ok(known)
}
