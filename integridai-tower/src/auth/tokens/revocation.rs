//! Tokens that do not count any more although they have not ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// What a token says of itself that a revocation can name. Its signature has been verified.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TokenFacts<'a> {
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `sub`.
    pub subject: &'a str,
    /// `jti`.
    pub id: Option<&'a str>,
    /// `iat`, as time since 1970-01-01 UTC.
    pub issued_at: Option<Duration>,
}

/// Knows which tokens were revoked. Closures of `Fn(&TokenFacts<'_>) -> bool` implement it.
///
/// Asked once for each token that is verified. A token that it let pass is remembered and not asked about again until
/// [`version`](Self::version) grows.
pub trait CheckRevocation: Send + Sync {
    /// Whether this token was revoked. Must not block.
    fn is_revoked(&self, token: &TokenFacts<'_>) -> bool;

    /// A number that grows whenever a token may have been revoked. Where it never does, as with a closure, call
    /// [`TokenVerifier::forget_tokens`](super::TokenVerifier::forget_tokens) instead.
    fn version(&self) -> u64 {
        0
    }
}

impl<F> CheckRevocation for F
where
    F: Fn(&TokenFacts<'_>) -> bool + Send + Sync,
{
    fn is_revoked(&self, token: &TokenFacts<'_>) -> bool {
        self(token)
    }
}

impl<C: CheckRevocation + ?Sized> CheckRevocation for std::sync::Arc<C> {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> bool {
        (**self).is_revoked(token)
    }

    fn version(&self) -> u64 {
        (**self).version()
    }
}

/// A bounded list in memory: single tokens, all of a subject, all that were issued before a moment.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::auth::RevocationList;
///
/// let list = RevocationList::new(10_000);
/// let now = Duration::from_secs(1_700_000_000);
/// list.revoke_token("https://id.example", "token-7", now + Duration::from_secs(3_600), now)?;
/// list.revoke_subject("https://id.example", "user-7", now)?;
/// # Ok::<(), integridai_tower::auth::RevocationListFull>(())
/// ```
#[derive(Debug)]
pub struct RevocationList {
    revoked: RwLock<Revoked>,
    version: AtomicU64,
    max_entries: usize,
}

/// The list has no room; nothing was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the list of revocations is full")]
#[non_exhaustive]
pub struct RevocationListFull;

/// By issuer, then by id or subject.
type Table = HashMap<Box<str>, HashMap<Box<str>, Duration>>;

#[derive(Debug, Default)]
struct Revoked {
    /// When the token ends by itself.
    tokens: Table,
    /// Tokens issued before this.
    subjects: Table,
    issued_before: Duration,
    entries: usize,
}

impl RevocationList {
    /// A list of at most this many tokens and subjects.
    #[must_use]
    pub fn new(max_entries: usize) -> Self {
        Self { revoked: RwLock::default(), version: AtomicU64::new(0), max_entries }
    }

    /// Revokes the token with this `jti`. It is kept in mind until `ends_at`, the token's `exp` with the leeway added;
    /// those that have ended by `now` make room. Both are time since 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// [`RevocationListFull`]
    pub fn revoke_token(
        &self,
        issuer: &str,
        id: &str,
        ends_at: Duration,
        now: Duration,
    ) -> Result<(), RevocationListFull> {
        let mut revoked = self.write();
        if revoked.entries >= self.max_entries {
            revoked.drop_ended(now);
        }
        self.add(&mut revoked, |revoked| &mut revoked.tokens, (issuer, id), ends_at)
    }

    /// Revokes all tokens of a subject that were issued before a moment, those without `iat` included. It is kept in
    /// mind until [`restore_subject`](Self::restore_subject).
    ///
    /// # Errors
    ///
    /// [`RevocationListFull`]
    pub fn revoke_subject(
        &self,
        issuer: &str,
        subject: &str,
        issued_before: Duration,
    ) -> Result<(), RevocationListFull> {
        let mut revoked = self.write();
        self.add(&mut revoked, |revoked| &mut revoked.subjects, (issuer, subject), issued_before)
    }

    /// Lets the tokens of a subject count again.
    pub fn restore_subject(&self, issuer: &str, subject: &str) {
        let mut revoked = self.write();
        let found = revoked.subjects.get_mut(issuer).and_then(|subjects| subjects.remove(subject));
        revoked.entries -= usize::from(found.is_some());
    }

    /// Revokes all tokens that were issued before a moment, those without `iat` included.
    pub fn revoke_issued_before(&self, moment: Duration) {
        let mut revoked = self.write();
        revoked.issued_before = revoked.issued_before.max(moment);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The later of two moments holds.
    fn add(
        &self,
        revoked: &mut Revoked,
        table: impl Fn(&mut Revoked) -> &mut Table,
        (issuer, name): (&str, &str),
        moment: Duration,
    ) -> Result<(), RevocationListFull> {
        let known = table(revoked).get_mut(issuer).and_then(|names| names.get_mut(name));
        if let Some(known) = known {
            *known = moment.max(*known);
        } else {
            if revoked.entries >= self.max_entries {
                return Err(RevocationListFull);
            }
            revoked.entries += 1;
            table(revoked).entry(issuer.into()).or_default().insert(name.into(), moment);
        }
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Revoked> {
        self.revoked.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Revoked> {
        self.revoked.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Revoked {
    fn drop_ended(&mut self, now: Duration) {
        let mut left = 0;
        self.tokens.retain(|_, tokens| {
            tokens.retain(|_, ends_at| *ends_at > now);
            left += tokens.len();
            !tokens.is_empty()
        });
        self.entries = left + self.subjects.values().map(HashMap::len).sum::<usize>();
    }
}

impl CheckRevocation for RevocationList {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> bool {
        let revoked = self.read();
        let issued_at = token.issued_at.unwrap_or_default();
        let issuer = token.issuer.unwrap_or_default();
        let named = token.id.is_some_and(|id| find(&revoked.tokens, issuer, id).is_some());
        let subject = find(&revoked.subjects, issuer, token.subject);
        named || issued_at < revoked.issued_before || subject.is_some_and(|before| issued_at < before)
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

fn find(table: &Table, issuer: &str, name: &str) -> Option<Duration> {
    table.get(issuer)?.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn token<'a>(subject: &'a str, id: Option<&'a str>, issued_at: Option<u64>) -> TokenFacts<'a> {
        TokenFacts { issuer: Some("i"), subject, id, issued_at: issued_at.map(at) }
    }

    #[test]
    fn tokens_are_revoked_by_id_subject_and_age() {
        let list = RevocationList::new(10);
        let before = list.version();
        list.revoke_token("i", "t1", at(100), at(0)).unwrap();
        list.revoke_subject("i", "bob", at(50)).unwrap();
        assert_ne!(list.version(), before);
        assert!(list.is_revoked(&token("ann", Some("t1"), Some(60))));
        assert!(!list.is_revoked(&token("ann", Some("t2"), Some(60))));
        let elsewhere = TokenFacts { issuer: Some("other"), ..token("bob", Some("t1"), Some(10)) };
        assert!(!list.is_revoked(&elsewhere), "another issuer's");
        assert!(list.is_revoked(&token("bob", None, Some(49))) && list.is_revoked(&token("bob", None, None)));
        assert!(!list.is_revoked(&token("bob", None, Some(50))));
        list.restore_subject("i", "bob");
        assert!(!list.is_revoked(&token("bob", None, Some(49))));
        list.revoke_issued_before(at(70));
        assert!(list.is_revoked(&token("ann", None, Some(69))));
    }

    #[test]
    fn a_full_list_makes_room_or_says_so() {
        let list = RevocationList::new(2);
        list.revoke_token("i", "t1", at(100), at(0)).unwrap();
        list.revoke_token("i", "t2", at(200), at(0)).unwrap();
        assert_eq!(list.revoke_token("i", "t3", at(300), at(99)), Err(RevocationListFull));
        assert_eq!(list.revoke_token("i", "t1", at(150), at(99)), Ok(()), "known already");
        list.revoke_token("i", "t3", at(300), at(150)).unwrap();
        assert!(!list.is_revoked(&token("ann", Some("t1"), None)), "it has ended by itself");
        assert!(list.is_revoked(&token("ann", Some("t2"), None)), "and this one has not");
        assert_eq!(list.revoke_subject("i", "bob", at(1)), Err(RevocationListFull));
    }
}
