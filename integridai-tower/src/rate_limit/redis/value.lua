-- What both scripts know of the value of a key.
--
-- It holds for each quota its name, arrival time (whole µs and the ticks left over), ticks per µs, interval and capacity (the same
-- way), separated by blanks. A double holds whole numbers up to 2^53, so a time is never held in ticks alone.

local FIELDS = 8
-- More of them were not written by these scripts.
local MOST_ENTRIES = 16
-- In µs, 142 years: on top of the present it is held exactly until 2200.
local LONGEST = 2 ^ 52
-- The longest period that a quota may have, in ticks, is less.
local LONGEST_INTERVAL = 2 ^ 45

-- In ms. This server lets keys expire in its own time, of which one that is told may be behind.
local SPARE = ARGV[1] == "" and 0 or 60000

-- The present in µs since 1970: as told, or that of this server where nothing is told.
local function present(told)
  if told ~= "" then
    return tonumber(told)
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function whole(word, most)
  local number = tonumber(word)
  if number and number >= 0 and number <= most and number == math.floor(number) then
    return number
  end
end

-- The entry of one quota; nothing where it cannot have been written by these scripts.
local function entry_of(words, at)
  local per = whole(words[at + 3], 2 ^ 32)
  if not per or per < 1 then
    return nil
  end
  local entry = {
    name = words[at],
    arrival = whole(words[at + 1], 2 ^ 53),
    ticks = whole(words[at + 2], per - 1),
    per = per,
    interval = whole(words[at + 4], LONGEST_INTERVAL),
    interval_ticks = whole(words[at + 5], per - 1),
    capacity = whole(words[at + 6], LONGEST),
    capacity_ticks = whole(words[at + 7], per - 1),
  }
  local is_complete = entry.arrival and entry.ticks and entry.interval and entry.interval_ticks
    and entry.capacity and entry.capacity_ticks
  if not is_complete then
    return nil
  end
  local interval = entry.interval * per + entry.interval_ticks
  if interval < 1 or interval > LONGEST_INTERVAL then
    return nil
  end
  return entry
end

-- The entries of a key, in order and by name.
local function entries(key)
  local listed, named = {}, {}
  -- A value of another type is an error, which is no string either.
  local value = redis.pcall("GET", key)
  if type(value) ~= "string" then
    return listed, named
  end
  local words = {}
  for word in string.gmatch(value, "%S+") do
    words[#words + 1] = word
  end
  for at = 1, math.min(#words, MOST_ENTRIES * FIELDS) - FIELDS + 1, FIELDS do
    local entry = entry_of(words, at)
    if entry and not named[entry.name] then
      listed[#listed + 1] = entry
      named[entry.name] = entry
    end
  end
  return listed, named
end

-- Writes entries for as long as something is owed to one of them.
local function keep(key, listed, now)
  local words, longest = {}, 0
  for _, entry in ipairs(listed) do
    longest = math.max(longest, entry.arrival - now + math.min(entry.ticks, 1))
    words[#words + 1] = entry.name
    local numbers = {
      entry.arrival, entry.ticks, entry.per, entry.interval, entry.interval_ticks, entry.capacity, entry.capacity_ticks,
    }
    for _, number in ipairs(numbers) do
      words[#words + 1] = string.format("%.0f", number)
    end
  end
  if longest <= 0 then
    redis.call("DEL", key)
  else
    redis.call("SET", key, table.concat(words, " "), "PX", math.ceil(longest / 1000) + 1 + SPARE)
  end
end

