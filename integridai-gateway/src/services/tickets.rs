//! Tickets: what a browser, which cannot put a header on a WebSocket, proves itself with instead of a token.

use std::time::Duration;

use integridai_tower::{Principal, PrincipalKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::{JsonText, NewTicket, Store, StoreError};

/// Tickets that were given out and not used yet. Each is good for one use within a short time, at every gateway on the same
/// database. A clone is the same.
#[derive(Debug, Clone)]
pub struct Tickets {
    store: Store,
    lifetime: Duration,
    max_open: u64,
}

/// There is no ticket to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoTicket {
    /// The principal has as many as it may.
    #[error("as many tickets of yours are open as may be")]
    TooMany,
    /// It cannot be kept.
    #[error("tickets cannot be kept at the moment")]
    Store(#[from] StoreError),
}

impl Tickets {
    /// Tickets that live for `lifetime`, of which at most `max_open` of one principal are open at a time.
    #[must_use]
    pub fn new(store: Store, lifetime: Duration, max_open: usize) -> Self {
        Self { store, lifetime, max_open: max_open as u64 }
    }

    /// How long a ticket may be used.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A ticket for the principal, which counts as one of `identity`'s.
    ///
    /// # Errors
    ///
    /// [`NoTicket`]
    pub async fn issue(&self, principal: &Principal, identity: String) -> Result<String, NoTicket> {
        // 244 random bits.
        let ticket = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let facts = JsonText::from_serialize(&Facts::of(principal)).map_err(|_| NoTicket::TooMany)?;
        let new = NewTicket { digest: digest(&ticket), principal: identity, facts, lifetime: self.lifetime };
        match self.store.keep_ticket(new, self.max_open).await? {
            true => Ok(ticket),
            false => Err(NoTicket::TooMany),
        }
    }

    /// Whose ticket it is. It is used up by that.
    ///
    /// # Errors
    ///
    /// When that cannot be told.
    pub async fn redeem(&self, text: &str) -> Result<Option<Principal>, StoreError> {
        if !is_own(text) {
            return Ok(None);
        }
        let facts = self.store.take_ticket(digest(text)).await?;
        let facts: Option<Facts> = facts.and_then(|facts| facts.decode().ok());
        Ok(facts.map(Facts::principal))
    }
}

/// The one form in which tickets are given out.
fn is_own(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whoever reads the database has no ticket by that.
fn digest(ticket: &str) -> String {
    use std::fmt::Write;

    Sha256::digest(ticket).iter().fold(String::with_capacity(64), |mut text, byte| {
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Of a principal what matters where tickets count: further claims do not, but for the one by which API keys are limited.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Facts {
    subject: String,
    is_service: bool,
    issuer: Option<String>,
    tenant: Option<String>,
    scopes: Vec<String>,
    roles: Vec<String>,
    expires_at: Option<Duration>,
    api_key_id: Option<serde_json::Value>,
}

const API_KEY_ID: &str = "api_key_id";

impl Facts {
    fn of(principal: &Principal) -> Self {
        Self {
            subject: principal.subject().to_owned(),
            is_service: principal.kind() == PrincipalKind::Service,
            issuer: principal.issuer().map(str::to_owned),
            tenant: principal.tenant().map(str::to_owned),
            scopes: principal.scopes().map(str::to_owned).collect(),
            roles: principal.roles().map(str::to_owned).collect(),
            expires_at: principal.expires_at(),
            api_key_id: principal.claim(API_KEY_ID).cloned(),
        }
    }

    fn principal(self) -> Principal {
        let kind = if self.is_service { PrincipalKind::Service } else { PrincipalKind::User };
        let mut builder = Principal::builder(self.subject).kind(kind).scopes(self.scopes).roles(self.roles);
        if let Some(issuer) = self.issuer {
            builder = builder.issuer(issuer);
        }
        if let Some(tenant) = self.tenant {
            builder = builder.tenant(tenant);
        }
        if let Some(end) = self.expires_at {
            builder = builder.expires_at(end);
        }
        if let Some(id) = self.api_key_id {
            builder = builder.claim(API_KEY_ID, id);
        }
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_ticket_says_of_a_principal_is_what_the_principal_says() {
        let full = Principal::builder("ann")
            .kind(PrincipalKind::Service)
            .issuer("https://id.test")
            .tenant("acme")
            .scopes(["events:read", "admin"])
            .roles(["gold"])
            .expires_at(Duration::new(7, 9))
            .claim(API_KEY_ID, "igd_1".into())
            .build();
        for principal in [full, Principal::builder("ann").build()] {
            let text = JsonText::from_serialize(&Facts::of(&principal)).unwrap();
            assert_eq!(text.decode::<Facts>().unwrap().principal(), principal);
        }
    }

    #[test]
    fn a_ticket_has_one_form() {
        assert!(is_own(&"0a".repeat(32)));
        for wrong in ["", "x", &"0A".repeat(32), &"é".repeat(32), &"-".repeat(64), &"0".repeat(65)] {
            assert!(!is_own(wrong), "{wrong}");
        }
        assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
