//! What a subscriber wants to hear of, and what it may.

use super::{Delivery, EventType};
use crate::store::{EventFilter, EventReader};

/// Topics of one subscription.
const MAX_TOPICS: usize = 32;
/// As much as the log keeps of a type and of a user.
const MAX_TYPE: usize = 50;
const MAX_USER: usize = 100;

/// Who reads events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// Somebody who may see all of them.
    Operator,
    /// This user: what is for everybody, and what is for this user.
    User(User),
}

/// One of those who may have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, as events and topics have it.
    pub id: Box<str>,
    /// Which one; see [`identity`](crate::identity).
    pub identity: Box<str>,
}

impl Reader {
    /// Whether an event is for the reader: one of the gateway's own types, one that belongs to nobody, or the reader's
    /// own.
    #[must_use]
    pub fn may_see(&self, kind: &str, user: Option<&str>, owner: Option<&str>) -> bool {
        user.is_none() || self.knows(owner) || EventType::NAMES.contains(&kind)
    }

    /// Whether the user of this identity is the reader, or the reader may know of all.
    #[must_use]
    pub fn knows(&self, owner: Option<&str>) -> bool {
        match self {
            Self::Operator => true,
            Self::User(own) => owner == Some(&own.identity),
        }
    }

    /// Whether the reader may ask for events of users of this name; of those it gets its own.
    #[must_use]
    pub fn may_follow(&self, user: &str) -> bool {
        match self {
            Self::Operator => true,
            Self::User(own) => *own.id == *user,
        }
    }

    /// The same, asked of the log.
    #[must_use]
    pub fn in_log(&self) -> Option<EventReader> {
        match self {
            Self::Operator => None,
            Self::User(user) => {
                Some(EventReader { owner: user.identity.to_string(), shared_types: &EventType::NAMES })
            }
        }
    }
}

/// Types and users to hear of; none: of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics {
    types: Box<[Box<str>]>,
    users: Box<[Box<str>]>,
}

/// Why topics are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// It is neither a type nor a user.
    #[error("a topic is a type of events, such as `analysis_complete`, or `user:` and an id")]
    Malformed,
    /// There are too many.
    #[error("at most {MAX_TOPICS} topics")]
    TooMany,
    /// Events of somebody else.
    #[error("the events of another user")]
    Foreign,
}

/// Whether it can be the type of an event: `[a-z0-9_.-]`, at most 50 characters.
#[must_use]
pub fn is_event_type(text: &str) -> bool {
    let is_fitting = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    (1..=MAX_TYPE).contains(&text.len()) && text.bytes().all(is_fitting)
}

impl Topics {
    /// Reads topics separated by commas, such as `analysis_complete,user:ann`, that the reader may hear of.
    ///
    /// # Errors
    ///
    /// [`TopicError`]
    pub fn parse(text: &str, reader: &Reader) -> Result<Self, TopicError> {
        let (mut types, mut users) = (Vec::new(), Vec::new());
        for topic in text.split(',').map(str::trim).filter(|topic| !topic.is_empty()) {
            let topics = match topic.strip_prefix("user:") {
                Some(user) if user.is_empty() || user.chars().count() > MAX_USER => {
                    return Err(TopicError::Malformed);
                }
                Some(user) if !reader.may_follow(user) => return Err(TopicError::Foreign),
                Some(user) => (&mut users, user),
                None if is_event_type(topic) => (&mut types, topic),
                None => return Err(TopicError::Malformed),
            };
            let (topics, topic): (&mut Vec<Box<str>>, &str) = topics;
            if !topics.iter().any(|known| **known == *topic) {
                topics.push(topic.into());
            }
        }
        if types.len() + users.len() > MAX_TOPICS {
            return Err(TopicError::TooMany);
        }
        Ok(Self { types: types.into(), users: users.into() })
    }

    /// Whether events of this type and user are among them; of users of one name, of the one that the reader knows.
    #[must_use]
    pub fn contain(&self, kind: &str, owner: Option<&str>) -> bool {
        let among = |list: &[Box<str>], text: &str| list.iter().any(|one| **one == *text);
        let is_all = self.types.is_empty() && self.users.is_empty();
        is_all || among(&self.types, kind) || owner.is_some_and(|owner| among(&self.users, owner))
    }
}

/// What one subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it has asked for.
    pub topics: Topics,
    /// Who it is.
    pub reader: Reader,
}

impl Wanted {
    /// Whether it gets this one.
    #[must_use]
    pub fn has(&self, delivery: &Delivery) -> bool {
        let (kind, user, owner) = (&*delivery.kind, delivery.user_id.as_deref(), delivery.owner.as_deref());
        let known = user.filter(|_| self.reader.knows(owner));
        self.topics.contain(kind, known) && self.reader.may_see(kind, user, owner)
    }

    /// The same, asked of the log.
    #[must_use]
    pub fn in_log(&self) -> EventFilter {
        let texts = |list: &[Box<str>]| list.iter().map(ToString::to_string).collect();
        EventFilter {
            types: texts(&self.topics.types),
            topic_users: texts(&self.topics.users),
            reader: self.reader.in_log(),
            ..EventFilter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Reader {
        Reader::User(User { id: "ann".into(), identity: "i|ann".into() })
    }

    #[test]
    fn topics_are_types_and_users_that_one_may_follow() {
        let many = (0..33).map(|number| format!("t{number}")).collect::<Vec<_>>().join(",");
        for (text, reader, expected) in [
            ("", ann(), Ok(())),
            ("system_alert, training.completed,user:ann", ann(), Ok(())),
            ("user:bob", Reader::Operator, Ok(())),
            ("user:bob", ann(), Err(TopicError::Foreign)),
            ("system_alert,user:bob", ann(), Err(TopicError::Foreign)),
            ("user:", ann(), Err(TopicError::Malformed)),
            ("System Alert", ann(), Err(TopicError::Malformed)),
            (&"x".repeat(51), ann(), Err(TopicError::Malformed)),
            (&many, ann(), Err(TopicError::TooMany)),
        ] {
            assert_eq!(Topics::parse(text, &reader).map(drop), expected, "{text}");
        }
    }

    #[test]
    fn an_event_of_a_user_is_for_that_user_unless_its_type_is_for_everybody() {
        for (kind, user, owner, sees) in [
            ("training.completed", None, None, true),
            ("training.completed", Some("ann"), Some("i|ann"), true),
            ("training.completed", Some("ann"), Some("j|ann"), false),
            ("training.completed", Some("ann"), None, false),
            ("training.completed", Some("bob"), Some("i|bob"), false),
            ("analysis_complete", Some("bob"), Some("i|bob"), true),
        ] {
            assert_eq!(ann().may_see(kind, user, owner), sees, "{kind} {owner:?}");
            assert!(Reader::Operator.may_see(kind, user, owner));
        }
    }

    #[test]
    fn without_topics_everything_is_wanted_and_with_some_what_is_among_them() {
        let topics = |text| Topics::parse(text, &Reader::Operator).unwrap();
        assert!(topics("").contain("a", None));
        assert!(topics("a").contain("a", None) && !topics("a").contain("b", Some("ann")));
        assert!(topics("a,user:ann").contain("b", Some("ann")));
        assert!(!topics("user:ann").contain("b", Some("bob")) && !topics("user:ann").contain("b", None));
    }
}
