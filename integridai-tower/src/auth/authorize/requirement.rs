//! What is asked of a principal.

use std::fmt;
use std::sync::Arc;

use http::request;

use crate::auth::Reason;
use crate::{ConfigError, Principal};

type Predicate = Arc<dyn Fn(&Principal, &request::Parts) -> bool + Send + Sync>;

#[derive(Clone)]
pub(super) enum Requirement {
    AllScopes(Names),
    AnyScope(Names),
    AllRoles(Names),
    AnyRole(Names),
    Allowed(Predicate),
}

#[derive(Debug, Clone)]
pub(super) struct Names(Box<[Box<str>]>);

impl Requirement {
    pub(super) fn check(&self, principal: &Principal, request: &request::Parts) -> Result<(), Reason> {
        let (holds, reason) = match self {
            Self::AllScopes(names) => {
                (names.all(|name| principal.has_scope(name)), Reason::InsufficientScope)
            }
            Self::AnyScope(names) => (names.any(|name| principal.has_scope(name)), Reason::InsufficientScope),
            Self::AllRoles(names) => (names.all(|name| principal.has_role(name)), Reason::InsufficientRole),
            Self::AnyRole(names) => (names.any(|name| principal.has_role(name)), Reason::InsufficientRole),
            Self::Allowed(predicate) => (predicate(principal, request), Reason::Forbidden),
        };
        if holds { Ok(()) } else { Err(reason) }
    }

    /// The smallest set of scopes that suffices: all, or the first of those any of which does.
    pub(super) fn scopes(&self) -> &[Box<str>] {
        match self {
            Self::AllScopes(Names(names)) => names,
            Self::AnyScope(Names(names)) => &names[..1],
            Self::AllRoles(_) | Self::AnyRole(_) | Self::Allowed(_) => &[],
        }
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllScopes(names) => f.debug_tuple("AllScopes").field(names).finish(),
            Self::AnyScope(names) => f.debug_tuple("AnyScope").field(names).finish(),
            Self::AllRoles(names) => f.debug_tuple("AllRoles").field(names).finish(),
            Self::AnyRole(names) => f.debug_tuple("AnyRole").field(names).finish(),
            Self::Allowed(_) => f.write_str("Allowed"),
        }
    }
}

impl Names {
    /// One at least: of none, all are always there and any never.
    pub(super) fn new<T: Into<Box<str>>>(
        setting: &'static str,
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        let names: Box<[Box<str>]> = names.into_iter().map(Into::into).collect();
        if names.is_empty() || names.iter().any(|name| name.is_empty()) {
            return Err(ConfigError::new(setting, "names one at least, and none that is empty"));
        }
        Ok(Self(names))
    }

    /// In the grammar of RFC 6749 §3.3, so that they can stand in a challenge as they are.
    pub(super) fn scopes<T: Into<Box<str>>>(
        setting: &'static str,
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        let names = Self::new(setting, names)?;
        if !names.all(|name| name.bytes().all(is_scope_character)) {
            return Err(ConfigError::new(
                setting,
                "a scope has no spaces, quotes or backslashes, and is ASCII",
            ));
        }
        Ok(names)
    }

    fn all(&self, has: impl Fn(&str) -> bool) -> bool {
        self.0.iter().all(|name| has(name))
    }

    fn any(&self, has: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|name| has(name))
    }
}

fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}
