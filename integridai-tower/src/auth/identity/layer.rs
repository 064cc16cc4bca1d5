use std::sync::Arc;

use http::header::CONNECTION;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use tower_layer::Layer;

use super::fact::Fact;
use super::service::IdentityForwarded;
use crate::Principal;

/// Tells the inner service who asks, in fields that no client can set. See the [module docs](crate::auth).
///
/// What a client sent under one of these names is removed first, in any case and number, with `_` for `-` and the other
/// way round, and also where nobody is authenticated. It refuses nothing.
///
/// ```
/// use http::HeaderName;
/// use integridai_tower::auth::{Fact, ForwardIdentityLayer};
///
/// let layer = ForwardIdentityLayer::new()
///     .header(HeaderName::from_static("x-user-id"), Fact::Subject)
///     .header(HeaderName::from_static("x-user-email"), Fact::Claim("email".into()));
/// # let _ = layer;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ForwardIdentityLayer {
    fields: Arc<Fields>,
}

/// What a layer and all its services share.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    facts: Vec<(HeaderName, Fact)>,
    has_underscores: bool,
    max_len: usize,
}

impl ForwardIdentityLayer {
    /// Tells nothing yet.
    pub fn new() -> Self {
        Self { fields: Arc::new(Fields { facts: Vec::new(), has_underscores: false, max_len: 4096 }) }
    }

    /// Tells `fact` in the field `name`, which is absent where the principal has no such fact.
    pub fn header(mut self, name: HeaderName, fact: Fact) -> Self {
        let fields = Arc::make_mut(&mut self.fields);
        fields.has_underscores |= name.as_str().contains('_');
        fields.facts.push((name, fact));
        self
    }

    /// The greatest length of a value, in bytes; a longer one is left out. 4096 unless told.
    pub fn max_len(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.fields).max_len = bytes;
        self
    }
}

impl Default for ForwardIdentityLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ForwardIdentityLayer {
    type Service = IdentityForwarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdentityForwarded::new(inner, Arc::clone(&self.fields))
    }
}

impl Fields {
    pub(super) fn put(&self, headers: &mut HeaderMap, extensions: &Extensions) {
        self.remove(headers);
        let Some(principal) = extensions.get::<Principal>() else { return };
        for (name, fact) in &self.facts {
            if let Some(value) = fact.value(principal, self.max_len) {
                headers.insert(name, value);
            }
        }
    }

    fn remove(&self, headers: &mut HeaderMap) {
        for (name, _) in &self.facts {
            headers.remove(name);
        }
        // Servers in the manner of CGI take `x_user_id` for `x-user-id`, and the other way round.
        let is_disguised = |name: &&HeaderName| {
            let name = name.as_str().as_bytes();
            (self.has_underscores || name.contains(&b'_')) && self.tells(name)
        };
        let disguised: Vec<HeaderName> = headers.keys().filter(is_disguised).cloned().collect();
        for name in disguised {
            headers.remove(name);
        }
        self.keep_out_of_connection(headers);
    }

    /// A name in `Connection` would have the next proxy remove the field (RFC 9110 §7.6.1), and nobody would seem to ask.
    fn keep_out_of_connection(&self, headers: &mut HeaderMap) {
        let given = headers.get_all(CONNECTION);
        if !given.iter().flat_map(options).any(|option| self.tells(option)) {
            return;
        }
        let kept: Vec<&[u8]> = given.iter().flat_map(options).filter(|option| !self.tells(option)).collect();
        match HeaderValue::from_bytes(&kept.join(&b", "[..])) {
            Ok(value) if !value.is_empty() => drop(headers.insert(CONNECTION, value)),
            _ => drop(headers.remove(CONNECTION)),
        }
    }

    fn tells(&self, name: &[u8]) -> bool {
        let same = |own: u8, other: u8| {
            own == other.to_ascii_lowercase() || matches!((own, other), (b'-', b'_') | (b'_', b'-'))
        };
        self.facts.iter().any(|(own, _)| {
            let own = own.as_str().as_bytes();
            own.len() == name.len() && own.iter().zip(name).all(|(own, other)| same(*own, *other))
        })
    }
}

fn options(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|option| !option.is_empty())
}
