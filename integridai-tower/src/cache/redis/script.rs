//! What Redis does in one step. Changes stand in a stream, the log, each with the one before it, so that whoever follows sees
//! whether he missed one; those that entries are held against when they are read stand in a second one.

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, Script, Value, cmd, from_redis_value};

use super::log::{Change, MOST_BANS, Position, What};

/// How many changes a replica may miss and still hear of each.
const LONGEST_LOG: usize = 4096;

/// `KEYS` log, bans; `ARGV` the position of who joins, or nothing. The changes from there on, or the last one; and the bans.
const JOIN: &str = "
local function last(key) return redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1) end
local log = last(KEYS[1])
if #log == 0 or #last(KEYS[2]) == 0 then
  local before = log[1] and log[1][1] or ''
  local id = redis.call('XADD', KEYS[1], '*', 'after', before, 'by', '', 'kind', 'begun', 'soft', '0', 'what', '')
  redis.call('DEL', KEYS[2])
  redis.call('XADD', KEYS[2], id, 'after', '', 'by', '', 'kind', 'begun', 'soft', '0', 'what', '')
  log = last(KEYS[1])
end
local bans = redis.call('XRANGE', KEYS[2], '-', '+')
if ARGV[1] ~= '' then
  local missed = redis.call('XRANGE', KEYS[1], ARGV[1], '+')
  if missed[1] and missed[1][1] == ARGV[1] then return {missed, bans} end
end
return {log, bans}";

/// `KEYS` log, bans, entries of a URL; `ARGV` who, kind, whether it is soft, what, lengths of log and bans.
const CHANGE: &str = "
local function last(key)
  local found = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
  return found[1] and found[1][1] or ''
end
local is_gone = ARGV[2] == 'url' and ARGV[3] == '0'
if is_gone then redis.call('DEL', KEYS[3]) end
local before = last(KEYS[1])
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[5], '*',
  'after', before, 'by', ARGV[1], 'kind', ARGV[2], 'soft', ARGV[3], 'what', ARGV[4])
if not is_gone then
  redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[6], id,
    'after', last(KEYS[2]), 'by', ARGV[1], 'kind', ARGV[2], 'soft', ARGV[3], 'what', ARGV[4])
end
return {before, id}";

/// `KEYS` log, entries of a URL; `ARGV` who, position, URL, variant, order, entry, ms to live, most variants.
/// A URL that another removed after the position stays as it is. Fields are called by variant and order, 32 digits each.
const PUT: &str = "
local news = redis.call('XREVRANGE', KEYS[1], '+', ARGV[2], 'COUNT', 101)
if #news == 0 or news[#news][1] ~= ARGV[2] then return 0 end
for at = 1, #news - 1 do
  local change = news[at][2]
  if change[4] ~= ARGV[1] and change[6] == 'url' and change[10] == ARGV[3] then return 0 end
end
local fields = redis.pcall('HKEYS', KEYS[2])
if fields.err then
  redis.call('DEL', KEYS[2])
  fields = {}
end
local orders = {}
for _, field in ipairs(fields) do
  if #field ~= 64 or string.sub(field, 1, 32) == ARGV[4] then redis.call('HDEL', KEYS[2], field)
  else table.insert(orders, string.sub(field, 33) .. string.sub(field, 1, 32)) end
end
if ARGV[6] == '' then return 1 end
redis.call('HSET', KEYS[2], ARGV[4] .. ARGV[5], ARGV[6])
table.sort(orders)
for at = 1, #orders + 1 - tonumber(ARGV[8]) do
  redis.call('HDEL', KEYS[2], string.sub(orders[at], 33) .. string.sub(orders[at], 1, 32))
end
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[7]) then redis.call('PEXPIRE', KEYS[2], ARGV[7]) end
return 1";

/// The scripts, over the keys of one store.
pub(super) struct Scripts {
    join: Script,
    change: Script,
    put: Script,
    log: String,
    bans: String,
    /// Of this replica.
    name: String,
}

/// What a replica hears when it joins.
#[derive(Debug)]
pub(super) struct Joined {
    /// The change that it had heard of last and those after it, or only the last one.
    pub(super) log: Vec<Change>,
    pub(super) bans: Vec<Change>,
}

/// An entry to be stored.
pub(super) struct Put<'a> {
    pub(super) key: &'a str,
    pub(super) position: Position,
    pub(super) url: &'a str,
    /// 32 digits.
    pub(super) variant: &'a str,
    /// 32 digits: the lowest is left out first.
    pub(super) order: &'a str,
    /// Nothing to remove the variant.
    pub(super) entry: &'a [u8],
    pub(super) ttl_ms: u64,
    pub(super) most_variants: usize,
}

impl Scripts {
    pub(super) fn new(prefix: &str, name: String) -> Self {
        Self {
            join: Script::new(JOIN),
            change: Script::new(CHANGE),
            put: Script::new(PUT),
            log: format!("{prefix}log"),
            bans: format!("{prefix}bans"),
            name,
        }
    }

    /// What this replica is called in the log.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn join(
        &self,
        connection: &mut MultiplexedConnection,
        from: Option<Position>,
    ) -> RedisResult<Joined> {
        let from = from.map(|position| position.to_string()).unwrap_or_default();
        let mut join = self.join.key(&self.log);
        let (log, bans) = join.key(&self.bans).arg(from).invoke_async::<(Lines, Lines)>(connection).await?;
        Ok(Joined { log: changes(log)?, bans: changes(bans)? })
    }

    /// The places of the change before and of this one.
    pub(super) async fn change(
        &self,
        connection: &mut MultiplexedConnection,
        what: &What,
        is_soft: bool,
        key: &str,
    ) -> RedisResult<(Option<Position>, Position)> {
        let (kind, text) = what.parts();
        let mut change = self.change.key(&self.log);
        change.key(&self.bans).key(key).arg(&self.name).arg(kind).arg(u8::from(is_soft)).arg(text);
        change.arg(LONGEST_LOG).arg(MOST_BANS);
        let (before, own) = change.invoke_async::<(String, String)>(connection).await?;
        Ok((before.parse().ok(), own.parse().map_err(|()| unreadable())?))
    }

    /// Whether it was stored.
    pub(super) async fn put(
        &self,
        connection: &mut MultiplexedConnection,
        put: &Put<'_>,
    ) -> RedisResult<bool> {
        let mut script = self.put.key(&self.log);
        script.key(put.key).arg(&self.name).arg(put.position.to_string()).arg(put.url).arg(put.variant);
        script.arg(put.order).arg(put.entry).arg(put.ttl_ms).arg(put.most_variants.max(1));
        script.invoke_async(connection).await
    }

    /// The changes after a place, for which it waits so many ms.
    pub(super) async fn follow(
        &self,
        connection: &mut MultiplexedConnection,
        from: Position,
        wait_ms: u64,
    ) -> RedisResult<Vec<Change>> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(512).arg("BLOCK").arg(wait_ms).arg("STREAMS").arg(&self.log);
        let read: Value = read.arg(from.to_string()).query_async(connection).await?;
        if read == Value::Nil {
            return Ok(Vec::new());
        }
        let streams: Vec<(String, Lines)> = from_redis_value(read)?;
        streams.into_iter().map(|(_, lines)| changes(lines)).next().unwrap_or_else(|| Ok(Vec::new()))
    }

    /// The place of the last change.
    pub(super) async fn last(&self, connection: &mut MultiplexedConnection) -> RedisResult<Option<Position>> {
        let mut read = cmd("XREVRANGE");
        read.arg(&self.log).arg("+").arg("-").arg("COUNT").arg(1);
        let lines: Lines = read.query_async(connection).await?;
        Ok(lines.first().and_then(|(id, _)| id.parse().ok()))
    }
}

/// Ids, and names and values by turns.
type Lines = Vec<(String, Vec<String>)>;

fn changes(lines: Lines) -> RedisResult<Vec<Change>> {
    lines.into_iter().map(|(id, fields)| change(&id, fields).ok_or_else(unreadable)).collect()
}

/// Fields that a later version adds follow these. What lacks one follows on nothing that is known.
fn change(id: &str, fields: Vec<String>) -> Option<Change> {
    let mut values = fields.into_iter().skip(1).step_by(2);
    let mut next = || values.next().unwrap_or_default();
    let (after, by, kind, soft, what) = (next(), next(), next(), next(), next());
    Some(Change {
        position: id.parse().ok()?,
        after: after.parse().ok(),
        by,
        what: What::read(&kind, what),
        is_soft: soft == "1",
    })
}

fn unreadable() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "not what a log has").into()
}
