//! Errors that every part of the crate shares.

use std::borrow::Cow;

/// An error of any kind that may cross threads: what Tower services use where the type does not matter.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A setting that cannot work, found when a layer or client is built and not at its first request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct ConfigError {
    setting: &'static str,
    reason: Cow<'static, str>,
}

impl ConfigError {
    /// A setting and why it cannot work.
    pub fn new(setting: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { setting, reason: reason.into() }
    }

    /// The name of the setting, as the setter or parameter spells it.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}
