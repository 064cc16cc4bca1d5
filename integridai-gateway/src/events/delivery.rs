//! An event of the log on its way to subscribers.

use std::sync::OnceLock;

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use uuid::Uuid;

use super::envelope::logged_frame;
use crate::store::LoggedEvent;

/// An event as subscribers get it, written once for all of them.
#[derive(Debug)]
pub struct Delivery {
    /// Its place in the log.
    pub cursor: u64,
    /// Its id.
    pub id: Uuid,
    /// Its type.
    pub kind: Box<str>,
    /// Where it comes from.
    pub source: Box<str>,
    /// Whom it belongs to.
    pub user_id: Option<Box<str>>,
    /// Which user of this name.
    pub owner: Option<Box<str>>,
    /// Its JSON text.
    pub frame: Utf8Bytes,
    /// The same as a server-sent event, once somebody needs it.
    pub sse: OnceLock<Bytes>,
}

impl From<LoggedEvent> for Delivery {
    fn from(logged: LoggedEvent) -> Self {
        let frame = logged_frame(&logged).into();
        let LoggedEvent { cursor, event } = logged;
        Self {
            cursor,
            id: event.id,
            kind: event.event_type.into(),
            source: event.service_name.into(),
            user_id: event.user_id.map(Into::into),
            owner: event.owner.map(Into::into),
            frame,
            sse: OnceLock::new(),
        }
    }
}
