-- Charges a key for one request, if it conforms to all quotas: GCRA in whole numbers.
--
-- KEYS[1] the key. ARGV[1] the present in µs since 1970, or "" for this server's. ARGV[2] how long the caller would wait, in µs.
-- ARGV[3] the greatest and ARGV[4] the least multiple of the cost to take: the first that conforms, halving, is taken.
-- Then for each quota: its name, and nine numbers: ticks per µs, one cost, one request, the capacity and what may be owed at most
-- (the last four as whole µs and the ticks left over).
--
-- Answers: the multiple taken (0: refused), the wait in µs, and what is owed to each quota as whole µs and ticks.

local ARGUMENTS = 10
local taken_most, taken_least = tonumber(ARGV[3]), tonumber(ARGV[4])
local patience = tonumber(ARGV[2])
local now = present(ARGV[1])
local listed, named = entries(KEYS[1])

local function is_more(whole, ticks, than_whole, than_ticks)
  return whole > than_whole or (whole == than_whole and ticks > than_ticks)
end

-- What is owed to an entry in ticks, the lowest digit first. Digits of 7 bits, so that what `converted` makes of them stays whole.
local function digits_of(owed, ticks, per)
  local digits, carry = {}, ticks
  while owed > 0 or carry > 0 do
    local sum = (owed % 128) * per + carry
    owed, carry = math.floor(owed / 128), math.floor(sum / 128)
    digits[#digits + 1] = sum % 128
  end
  return digits
end

-- What was used of a quota that has changed since is as much of the new one, rounded up to a tick, and no more than its capacity:
-- owed * new interval / former interval by long division, from the highest digit on.
local function converted(entry, quota)
  local price = quota.interval * quota.per + quota.interval_ticks
  local former = entry.interval * entry.per + entry.interval_ticks
  local digits = digits_of(entry.arrival - now, entry.ticks, entry.per)
  local owed, ticks, rest = 0, 0, 0
  local function add(digit, factor)
    local sum = ticks * factor + digit
    local carry = math.floor(sum / quota.per)
    owed, ticks = owed * factor + carry, sum - carry * quota.per
  end
  for place = #digits, 1, -1 do
    rest = rest * 128 + digits[place] * price
    local digit = math.floor(rest / former)
    rest = rest - digit * former
    add(digit, 128)
    if owed > quota.capacity then
      return quota.capacity, quota.capacity_ticks
    end
  end
  if rest > 0 then
    add(1, 1)
  end
  if is_more(owed, ticks, quota.capacity, quota.capacity_ticks) then
    return quota.capacity, quota.capacity_ticks
  end
  return owed, ticks
end

-- What is owed to a quota now.
local function owed_to(quota)
  local entry = named[quota.name]
  if not entry or entry.arrival < now then
    return 0, 0
  end
  local owed, ticks = entry.arrival - now, entry.ticks
  local is_same = entry.per == quota.per and entry.interval == quota.interval
    and entry.interval_ticks == quota.interval_ticks and entry.capacity == quota.capacity
    and entry.capacity_ticks == quota.capacity_ticks
  if owed > LONGEST or (is_same and is_more(owed, ticks, quota.most, quota.most_ticks)) then
    return quota.capacity, quota.capacity_ticks
  end
  if is_same then
    return owed, ticks
  end
  return converted(entry, quota)
end

local quotas = {}
for at = 5, #ARGV, ARGUMENTS do
  local quota = {
    name = ARGV[at],
    per = tonumber(ARGV[at + 1]),
    cost = tonumber(ARGV[at + 2]),
    cost_ticks = tonumber(ARGV[at + 3]),
    interval = tonumber(ARGV[at + 4]),
    interval_ticks = tonumber(ARGV[at + 5]),
    capacity = tonumber(ARGV[at + 6]),
    capacity_ticks = tonumber(ARGV[at + 7]),
    most = tonumber(ARGV[at + 8]),
    most_ticks = tonumber(ARGV[at + 9]),
  }
  quota.owed, quota.owed_ticks = owed_to(quota)
  quotas[#quotas + 1] = quota
end

-- What would be owed after so many costs.
local function after(quota, times)
  local ticks = quota.owed_ticks + times * quota.cost_ticks
  local carry = math.floor(ticks / quota.per)
  return quota.owed + times * quota.cost + carry, ticks - carry * quota.per
end

-- How long to wait for that, and whether it can be told.
local function wait_for(times)
  local longest, is_told = 0, true
  for _, quota in ipairs(quotas) do
    local owed, ticks = after(quota, times)
    is_told = is_told and not is_more(owed, ticks, quota.most, quota.most_ticks)
    owed, ticks = owed - quota.capacity, ticks - quota.capacity_ticks
    if ticks > 0 then
      owed = owed + 1
    end
    if owed > longest and (quota.cost > 0 or quota.cost_ticks > 0) then
      longest = owed
    end
  end
  return longest, is_told
end

local times = taken_most
local wait, is_told = wait_for(times)
-- Whoever takes ahead of use leaves three times as much for others.
while times > taken_least and (wait > patience or wait_for(4 * times) > 0) do
  times = math.max(math.floor(times / 2), taken_least)
  wait, is_told = wait_for(times)
end
if wait > patience or not is_told then
  times = 0
end

local answer = { times, wait }
local kept, is_ours, has_changed = {}, {}, false
for _, quota in ipairs(quotas) do
  local owed, ticks = after(quota, times)
  answer[#answer + 1] = owed
  answer[#answer + 1] = ticks
  is_ours[quota.name] = true
  has_changed = has_changed or (times > 0 and (quota.cost > 0 or quota.cost_ticks > 0))
  quota.arrival, quota.ticks = now + owed, ticks
  kept[#kept + 1] = quota
end
if has_changed then
  -- What replicas with other quotas have charged stays, for as long as it is owed and in bounds.
  for _, entry in ipairs(listed) do
    local is_owed = entry.arrival >= now and entry.arrival - now <= LONGEST
    if is_owed and not is_ours[entry.name] and #kept < MOST_ENTRIES - 4 then
      kept[#kept + 1] = entry
    end
  end
  keep(KEYS[1], kept, now)
end
return answer
