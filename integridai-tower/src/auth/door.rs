//! What a layer and all its services share: whom to ask, and what becomes of the answer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::Entry;
use http::{HeaderMap, Response, request};

use super::challenge::Challenges;
use super::{Attempt, Authenticate, Decision, Denied, Reason};
use crate::reject::refuse;
use crate::{Principal, ProblemJson, Reject};

type Predicate = Arc<dyn Fn(&request::Parts) -> bool + Send + Sync>;
type Judgement = Result<Option<Principal>, Denied>;
type Waiting = Pin<Box<dyn Future<Output = Decision> + Send>>;

#[derive(Clone)]
pub(super) struct Door {
    pub(super) authenticators: Vec<Arc<dyn Authenticate>>,
    pub(super) challenges: Arc<Challenges>,
    pub(super) optional_if: Option<Predicate>,
    pub(super) wait: Duration,
    pub(super) keeps_credentials: bool,
    pub(super) trusts_principal: bool,
    pub(super) reject: Arc<dyn Reject<Denied>>,
}

/// What becomes of a request.
pub(super) enum Passage {
    Admitted(request::Parts),
    Refused(Response<Bytes>),
    Undecided(Pin<Box<dyn Future<Output = Self> + Send>>),
}

enum Asked {
    Judged(Judgement),
    Waiting(usize, Waiting),
}

impl Door {
    pub(super) fn new() -> Self {
        Self {
            authenticators: Vec::new(),
            challenges: Arc::default(),
            optional_if: None,
            wait: Duration::from_secs(5),
            keeps_credentials: false,
            trusts_principal: false,
            reject: Arc::new(ProblemJson),
        }
    }

    pub(super) fn open(self: &Arc<Self>, mut request: request::Parts) -> Passage {
        self.forget_principal(&mut request);
        match self.ask(0, &request) {
            Asked::Judged(judgement) => self.admit(judgement, request),
            Asked::Waiting(at, waiting) => {
                Passage::Undecided(Box::pin(Arc::clone(self).decide(at, waiting, request)))
            }
        }
    }

    /// Whoever put one there, it was not this layer.
    fn forget_principal(&self, request: &mut request::Parts) {
        if !self.trusts_principal {
            request.extensions.remove::<Principal>();
        }
    }

    fn ask(&self, from: usize, request: &request::Parts) -> Asked {
        if let Some(trusted) = request.extensions.get::<Principal>() {
            return Asked::Judged(Ok(Some(trusted.clone())));
        }
        for (at, authenticator) in self.authenticators.iter().enumerate().skip(from) {
            match authenticator.authenticate(request) {
                Attempt::Decided(Ok(None)) => {}
                Attempt::Decided(decision) => return Asked::Judged(self.judge(at, decision)),
                Attempt::Waiting(waiting) => return Asked::Waiting(at, waiting),
            }
        }
        Asked::Judged(Ok(None))
    }

    fn judge(&self, at: usize, decision: Decision) -> Judgement {
        decision.map_err(|reason| {
            let scheme = self.authenticators.get(at).and_then(|authenticator| authenticator.scheme());
            self.denied(reason).refused_by(scheme)
        })
    }

    async fn decide(self: Arc<Self>, at: usize, waiting: Waiting, request: request::Parts) -> Passage {
        let judgement = tokio::time::timeout(self.wait, self.ask_on(at, waiting, &request)).await;
        let judgement = judgement.unwrap_or_else(|_| Err(self.denied(Reason::KeysUnavailable)));
        self.admit(judgement, request)
    }

    async fn ask_on(&self, mut at: usize, mut waiting: Waiting, request: &request::Parts) -> Judgement {
        loop {
            match waiting.await {
                Ok(None) => match self.ask(at + 1, request) {
                    Asked::Judged(judgement) => return judgement,
                    Asked::Waiting(next, others) => (at, waiting) = (next, others),
                },
                decision => return self.judge(at, decision),
            }
        }
    }

    fn admit(&self, judgement: Judgement, mut request: request::Parts) -> Passage {
        let denied = match judgement {
            Ok(Some(principal)) => {
                request.extensions.insert(principal);
                None
            }
            Ok(None) if self.is_optional(&request) => None,
            Ok(None) => Some(self.denied(Reason::NoCredentials)),
            Err(denied) => Some(denied),
        };
        let Some(denied) = denied else {
            self.pass_credentials(&mut request.headers);
            return Passage::Admitted(request);
        };
        self.mark_credentials(&mut request.headers);
        Passage::Refused(refuse(&self.reject, denied, &request))
    }

    fn denied(&self, reason: Reason) -> Denied {
        Denied::new(reason, &self.challenges)
    }

    fn is_optional(&self, request: &request::Parts) -> bool {
        self.optional_if.as_ref().is_some_and(|optional| optional(request))
    }

    fn pass_credentials(&self, headers: &mut HeaderMap) {
        if self.keeps_credentials {
            return self.mark_credentials(headers);
        }
        for name in self.authenticators.iter().flat_map(|authenticator| authenticator.reads()) {
            headers.remove(name);
        }
    }

    /// Sensitive values are not printed by `Debug`, and not put into the compression tables of HTTP/2 (RFC 7541 §7.1.3).
    fn mark_credentials(&self, headers: &mut HeaderMap) {
        for name in self.authenticators.iter().flat_map(|authenticator| authenticator.reads()) {
            if let Entry::Occupied(mut values) = headers.entry(name) {
                values.iter_mut().for_each(|value| value.set_sensitive(true));
            }
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schemes: Vec<_> =
            self.authenticators.iter().map(|authenticator| authenticator.scheme()).collect();
        f.debug_struct("Door")
            .field("schemes", &schemes)
            .field("has_optional", &self.optional_if.is_some())
            .field("wait", &self.wait)
            .field("keeps_credentials", &self.keeps_credentials)
            .field("trusts_principal", &self.trusts_principal)
            .finish_non_exhaustive()
    }
}
