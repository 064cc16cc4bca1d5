//! Which call of a simulated service a request means.
use std::time::Duration;

use http::Method;

use super::answer::Answer;
use super::latency::Pace;
use super::options::Shapes;

/// One call of the service `S`.
pub(super) struct Route<S> {
    pub(super) method: Method,
    /// The path; one segment may be `{id}` and matches any text.
    pub(super) template: &'static str,
    pub(super) pace: Pace,
    pub(super) handler: fn(&S, &Call<'_>) -> Answer,
}

/// A request, as a service sees it.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// What stands at `{id}`; empty where the template has none.
    pub(super) id: &'a str,
    pub(super) body: &'a [u8],
    pub(super) idempotency_key: Option<&'a str>,
    pub(super) shapes: Shapes,
    /// How long the answer was held back to look like work.
    pub(super) delay: Duration,
}

/// The logic of a simulated service: requests in, answers out, no I/O.
pub(super) trait Simulation: Send + Sync + Sized + 'static {
    const ROUTES: &'static [Route<Self>];
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Route { index: usize, template: &'static str, pace: Pace },
    WrongMethod { template: &'static str },
    Nothing,
}

impl Found {
    pub(super) fn template(self, otherwise: &'static str) -> &'static str {
        match self {
            Self::Route { template, .. } | Self::WrongMethod { template } => template,
            Self::Nothing => otherwise,
        }
    }
}

/// A [`Simulation`] whose type does not matter any more.
pub(super) trait Backend: Send + Sync {
    fn find(&self, method: &Method, path: &str) -> Found;
    fn answer(&self, index: usize, path: &str, call: Call<'_>) -> Answer;
}

impl<S: Simulation> Backend for S {
    fn find(&self, method: &Method, path: &str) -> Found {
        let mut found = Found::Nothing;
        for (index, route) in S::ROUTES.iter().enumerate() {
            if capture(route.template, path).is_none() {
                continue;
            }
            if route.method == *method {
                return Found::Route { index, template: route.template, pace: route.pace };
            }
            found = Found::WrongMethod { template: route.template };
        }
        found
    }

    fn answer(&self, index: usize, path: &str, call: Call<'_>) -> Answer {
        let route = &S::ROUTES[index];
        let id = capture(route.template, path).unwrap_or_default();
        (route.handler)(self, &Call { id, ..call })
    }
}

/// What stands at `{id}` (empty without one), or `None` when the path is another one.
fn capture<'p>(template: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, after)) = template.split_once("{id}") else {
        return (template == path).then_some("");
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::capture;

    #[test]
    fn a_template_captures_exactly_one_segment() {
        assert_eq!(capture("/sessions/{id}/responses", "/sessions/7/responses"), Some("7"));
        assert_eq!(capture("/sessions/{id}", "/sessions/7/responses"), None);
        assert_eq!(capture("/sessions/{id}", "/sessions/"), None);
        assert_eq!(capture("/sessions/{id}/responses", "/sessions/responses"), None);
        assert_eq!(capture("/health", "/health"), Some(""));
        assert_eq!(capture("/health", "/healthy"), None);
    }
}
