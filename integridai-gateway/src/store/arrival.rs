//! When the gateway learned of an event: its id tells, whatever date its publisher gives it.
use time::OffsetDateTime;
use uuid::Uuid;

/// Greater than every id made in that millisecond or before, and smaller than any made later (RFC 9562 §5.7).
pub(super) fn last_id(moment: OffsetDateTime) -> Uuid {
    let millis = u128::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Uuid::from_u128((millis << 80) | ((1 << 80) - 1))
}

/// Somebody else who writes into the table may choose ids that tell nothing: then the event's own date has to do.
pub(super) fn arrived(id: Option<Uuid>, timestamp: OffsetDateTime) -> OffsetDateTime {
    let millis = id.filter(|id| id.get_version_num() == 7).map(|id| id.as_u128() >> 80);
    let nanos = millis.and_then(|millis| i128::try_from(millis).ok()).map(|millis| millis * 1_000_000);
    nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()).unwrap_or(timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_millisecond_and_one_of_another_version_tells_nothing() {
        let (now, dated) = (OffsetDateTime::now_utc(), OffsetDateTime::UNIX_EPOCH);
        let id = Uuid::now_v7();
        assert!((arrived(Some(id), dated) - now).abs() < time::Duration::MINUTE);
        assert!(id <= last_id(arrived(Some(id), dated)));
        assert!(id > last_id(arrived(Some(id), dated) - time::Duration::MILLISECOND));
        assert_eq!(arrived(Some(Uuid::from_u128(7)), dated), dated);
        assert_eq!(arrived(None, dated), dated);
    }
}
