use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::Pair;

/// Chooses the certificate by the host that the client names.
#[derive(Debug)]
pub(super) struct Chooser {
    table: ArcSwap<Table>,
    refuses_nameless: bool,
}

/// For each host its certificates, in the order of the configuration.
#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
    all: Vec<Arc<CertifiedKey>>,
}

impl Chooser {
    pub(super) fn new(refuses_nameless: bool) -> Self {
        Self { table: ArcSwap::default(), refuses_nameless }
    }

    /// From now on these.
    pub(super) fn choose_among<'a>(&self, pairs: impl IntoIterator<Item = &'a Pair>) {
        let mut table = Table::default();
        for pair in pairs {
            for name in &pair.names {
                table.by_name.entry(name.clone()).or_default().push(Arc::clone(&pair.key));
            }
            table.all.push(Arc::clone(&pair.key));
        }
        self.table.store(Arc::new(table));
    }

    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let table = self.table.load();
        let candidates = match name {
            Some(name) => table.of(name)?,
            None if self.refuses_nameless => return None,
            None => &table.all,
        };
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        candidates.iter().find(fits).cloned()
    }
}

impl Table {
    /// The name itself, or a wildcard for its first label and no other (RFC 9525 §6.3).
    fn of(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.to_ascii_lowercase();
        let wild = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
        self.by_name.get(&name).or_else(wild).map(Vec::as_slice)
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes())
    }
}
