-- Charges a key for one request, if it conforms to all quotas: GCRA in whole numbers.
--
-- KEYS[1] the key. ARGV[1] the present in µs since 1970, or "" for this server's. ARGV[2] how long the caller would wait, in µs.
-- ARGV[3] the greatest and ARGV[4] the least multiple of the cost to take: the first that conforms, halving, is taken.
-- Then for each quota: its name, and six numbers: ticks per µs, one cost, one request and the capacity (the last three as whole µs
-- and the ticks left over). A double holds whole numbers up to 2^53, so a time is never held in ticks alone.
--
-- The value holds for each quota its name, arrival time, ticks per µs, interval and capacity, separated by blanks.
-- Answers: the multiple taken (0: refused), the wait in µs, and what is owed to each quota as whole µs and ticks.

local FIELDS = 8
local taken_most, taken_least = tonumber(ARGV[3]), tonumber(ARGV[4])
local patience = tonumber(ARGV[2])
local now
if ARGV[1] == "" then
  local time = redis.call("TIME")
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
else
  now = tonumber(ARGV[1])
end

local kept = {}
local value = redis.call("GET", KEYS[1])
if value then
  local words = {}
  for word in string.gmatch(value, "%S+") do
    words[#words + 1] = word
  end
  for at = 1, #words - FIELDS + 1, FIELDS do
    local entry = {}
    for place = 1, FIELDS - 1 do
      entry[place] = tonumber(words[at + place])
    end
    kept[words[at]] = entry
  end
end

-- What was used of a quota that has changed since is as much of the new one, rounded up, and no more than its capacity.
local function converted(entry, quota)
  local function debt(whole, ticks, per)
    return whole + ticks / per
  end
  local owed = debt(entry[1] - now, entry[2], entry[3])
  if owed <= 0 then
    return now, 0
  end
  local used = owed / debt(entry[4], entry[5], entry[3])
  local whole = math.ceil(used * debt(quota.interval, quota.interval_ticks, quota.per))
  if whole > quota.capacity then
    return now + quota.capacity, quota.capacity_ticks
  end
  return now + whole, 0
end

local quotas = {}
for at = 5, #ARGV, FIELDS do
  local quota = {
    name = ARGV[at],
    per = tonumber(ARGV[at + 1]),
    cost = tonumber(ARGV[at + 2]),
    cost_ticks = tonumber(ARGV[at + 3]),
    interval = tonumber(ARGV[at + 4]),
    interval_ticks = tonumber(ARGV[at + 5]),
    capacity = tonumber(ARGV[at + 6]),
    capacity_ticks = tonumber(ARGV[at + 7]),
  }
  local entry = kept[quota.name]
  if not entry then
    quota.arrival, quota.arrival_ticks = now, 0
  elseif entry[3] == quota.per and entry[4] == quota.interval and entry[5] == quota.interval_ticks
    and entry[6] == quota.capacity and entry[7] == quota.capacity_ticks then
    quota.arrival, quota.arrival_ticks = entry[1], entry[2]
  else
    quota.arrival, quota.arrival_ticks = converted(entry, quota)
  end
  if quota.arrival < now then
    quota.arrival, quota.arrival_ticks = now, 0
  end
  quotas[#quotas + 1] = quota
end

-- What would be owed after so many costs, and how long to wait for that.
local function after(quota, times)
  local ticks = quota.arrival_ticks + times * quota.cost_ticks
  local carry = math.floor(ticks / quota.per)
  return quota.arrival - now + times * quota.cost + carry, ticks - carry * quota.per
end

local function wait_for(times)
  local longest = 0
  for _, quota in ipairs(quotas) do
    local whole, ticks = after(quota, times)
    whole, ticks = whole - quota.capacity, ticks - quota.capacity_ticks
    if ticks > 0 then
      whole = whole + 1
    end
    if whole > longest and (quota.cost > 0 or quota.cost_ticks > 0) then
      longest = whole
    end
  end
  return longest
end

local times = taken_most
local wait = wait_for(times)
-- Whoever takes ahead of use leaves three times as much for others.
while times > taken_least and (wait > patience or wait_for(4 * times) > 0) do
  times = math.max(math.floor(times / 2), taken_least)
  wait = wait_for(times)
end
if wait > patience then
  times = 0
end

local answer = { times, wait }
local words, longest, has_changed = {}, 0, false
for _, quota in ipairs(quotas) do
  local whole, ticks = after(quota, times)
  answer[#answer + 1] = whole
  answer[#answer + 1] = ticks
  has_changed = has_changed or (times > 0 and (quota.cost > 0 or quota.cost_ticks > 0))
  longest = math.max(longest, whole + 1)
  local numbers = { now + whole, ticks, quota.per, quota.interval, quota.interval_ticks, quota.capacity, quota.capacity_ticks }
  words[#words + 1] = quota.name
  for _, number in ipairs(numbers) do
    words[#words + 1] = string.format("%.0f", number)
  end
end
-- What replicas with other quotas have charged stays, for as long as it is owed and in bounds.
local others = 0
for name, entry in pairs(kept) do
  local is_ours = false
  for _, quota in ipairs(quotas) do
    is_ours = is_ours or quota.name == name
  end
  if not is_ours and entry[1] >= now and others < FIELDS then
    others = others + 1
    longest = math.max(longest, entry[1] + 1 - now)
    words[#words + 1] = name
    for _, number in ipairs(entry) do
      words[#words + 1] = string.format("%.0f", number)
    end
  end
end
if has_changed then
  redis.call("SET", KEYS[1], table.concat(words, " "), "PX", math.ceil(longest / 1000) + 1)
end
return answer
