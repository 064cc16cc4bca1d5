//! Who may publish events under which source, and whose users they are for.

use integridai_tower::Principal;

use crate::config::{AuthConfig, EventsConfig, OtherSources, PublisherConfig};
use crate::identity;

/// The rules of `[events]`.
#[derive(Debug, Clone)]
pub struct Publishers {
    /// The longest first: the nearest entry counts.
    sources: Vec<Source>,
    other_sources: OtherSources,
    /// Of events of API keys; `None`: nobody can tell.
    user_issuer: Option<String>,
    /// Nobody is told apart.
    is_open: bool,
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    is_prefix: bool,
    publishers: Vec<String>,
}

/// The source is another's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("events of this source are published by others")]
pub struct ForeignSource;

/// A user is named, and several issuers could have one of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is needed beside a user: several issuers could have one of this name")]
pub struct UnclearUser;

impl Publishers {
    /// Rules as configured.
    #[must_use]
    pub fn new(config: &EventsConfig, auth: &AuthConfig) -> Self {
        let mut sources: Vec<Source> = config.sources.iter().map(Source::new).collect();
        // Of two of one length, the one to the letter comes first.
        sources.sort_by_key(|source| (std::cmp::Reverse(source.name.len()), source.is_prefix));
        let mut issuers = auth.issuers.values().map(|issuer| issuer.issuer.clone());
        let only = match (issuers.next(), issuers.next()) {
            (None, _) => Some(String::new()),
            (only, None) => only,
            (Some(_), Some(_)) => None,
        };
        Self {
            sources,
            other_sources: config.other_sources,
            user_issuer: config.user_issuer.clone().or(only),
            is_open: auth.disabled,
        }
    }

    /// Among whose events of the source an id is unique: nobody's in particular where the source is bound to its publishers,
    /// otherwise the publisher's own, so that no one passes off an event as known that another has yet to publish.
    ///
    /// # Errors
    ///
    /// [`ForeignSource`] where the source is bound to others, or has to be bound to somebody.
    pub fn among(&self, source: &str, publisher: &Principal) -> Result<String, ForeignSource> {
        if self.is_open {
            return Ok(String::new());
        }
        let publisher = identity::of(publisher);
        match self.sources.iter().find(|bound| bound.covers(source)) {
            Some(bound) if bound.publishers.contains(&publisher) => Ok(String::new()),
            None if self.other_sources == OtherSources::Anybody => Ok(publisher),
            _ => Err(ForeignSource),
        }
    }

    /// Which user of this name it is: of the issuer that the event names, else of the publisher's own, else of the one that the
    /// configuration says or knows alone. `None`: nobody is told apart.
    ///
    /// # Errors
    ///
    /// [`UnclearUser`]
    pub fn owner(
        &self,
        user: &str,
        issuer: Option<&str>,
        publisher: &Principal,
    ) -> Result<Option<String>, UnclearUser> {
        let issuer = issuer.or(publisher.issuer());
        match issuer.or(self.user_issuer.as_deref()) {
            _ if self.is_open && issuer.is_none() => Ok(None),
            Some("") => Ok(Some(identity::named(None, user))),
            Some(issuer) => Ok(Some(identity::named(Some(issuer), user))),
            None => Err(UnclearUser),
        }
    }
}

impl Source {
    fn new((source, publishers): (&String, &Vec<PublisherConfig>)) -> Self {
        let name = source.strip_suffix('*');
        let publisher = |one: &PublisherConfig| identity::named(one.issuer.as_deref(), &one.subject);
        Self {
            is_prefix: name.is_some(),
            name: name.unwrap_or(source).to_owned(),
            publishers: publishers.iter().map(publisher).collect(),
        }
    }

    fn covers(&self, source: &str) -> bool {
        if self.is_prefix { source.starts_with(&self.name) } else { source == self.name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IssuerConfig;

    const ISSUER: &str = "https://id.test";

    fn publishers(events: &str, issuers: &[&str]) -> Publishers {
        let issuers = issuers
            .iter()
            .map(|issuer| ((*issuer).to_owned(), IssuerConfig::shared_secret(issuer, "a", "s")))
            .collect();
        let auth = AuthConfig { issuers, ..AuthConfig::default() };
        Publishers::new(&toml::from_str(events).unwrap(), &auth)
    }

    fn by_token(subject: &str) -> Principal {
        Principal::builder(subject).issuer(ISSUER).build()
    }

    fn by_key(subject: &str) -> Principal {
        Principal::builder(subject).build()
    }

    #[test]
    fn a_source_is_its_publishers_and_the_nearest_entry_counts() {
        let rules = publishers(
            "[sources]
            \"flai\" = [{subject = 'flai'}]
            \"/flai/*\" = [{subject = 'flai'}, {subject = 'ann', issuer = 'https://id.test'}]
            \"/flai/exams*\" = [{subject = 'exams'}]",
            &[ISSUER],
        );
        let nobody = Ok(String::new());
        for (source, publisher, expected) in [
            ("flai", by_key("flai"), nobody.clone()),
            ("flai", by_token("flai"), Err(ForeignSource)),
            ("flai", by_key("regtech"), Err(ForeignSource)),
            ("/flai/session/7", by_key("flai"), nobody.clone()),
            ("/flai/session/7", by_token("ann"), nobody.clone()),
            ("/flai/exams/7", by_key("flai"), Err(ForeignSource)),
            ("/flai/exams/7", by_key("exams"), nobody),
            ("/flai", by_key("bob"), Ok("|bob".to_owned())),
            ("regtech", by_token("bob"), Ok("https://id.test|bob".to_owned())),
        ] {
            assert_eq!(rules.among(source, &publisher), expected, "{source} {publisher:?}");
        }
        let strict = publishers("other_sources = 'nobody'", &[]);
        assert_eq!(strict.among("regtech", &by_key("bob")), Err(ForeignSource));
    }

    #[test]
    fn a_user_is_of_one_issuer_or_the_event_has_to_say_of_which() {
        let (one, two) = (publishers("", &[ISSUER]), publishers("", &[ISSUER, "other"]));
        let (keys, said) = (publishers("", &[]), publishers("user_issuer = 'other'", &[ISSUER, "other"]));
        let of = |issuer: &str| Ok(Some(format!("{issuer}|ann")));
        for (rules, issuer, publisher, expected) in [
            (&two, None, by_token("x"), of(ISSUER)),
            (&two, Some("other"), by_token("x"), of("other")),
            (&two, Some(""), by_token("x"), of("")),
            (&two, None, by_key("x"), Err(UnclearUser)),
            (&said, None, by_key("x"), of("other")),
            (&said, None, by_token("x"), of(ISSUER)),
            (&one, None, by_key("x"), of(ISSUER)),
            (&keys, None, by_key("x"), of("")),
        ] {
            assert_eq!(rules.owner("ann", issuer, &publisher), expected, "{issuer:?} {publisher:?}");
        }
        let open = AuthConfig { disabled: true, ..AuthConfig::default() };
        let open = Publishers::new(&EventsConfig::default(), &open);
        assert_eq!(open.owner("ann", None, &by_key("anonymous")), Ok(None));
        assert_eq!(open.among("x", &by_key("anonymous")), Ok(String::new()));
    }
}
