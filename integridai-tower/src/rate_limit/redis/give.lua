-- Gives back to a key what it was charged, down to nothing owed. KEYS[1] the key. ARGV[1] the present in µs since 1970, or "" for this
-- server's. Then for each quota its name, ticks per µs, one request and what is given back (both as whole µs and ticks). The value
-- is as in take.lua.

local FIELDS = 8
local now
if ARGV[1] == "" then
  local time = redis.call("TIME")
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
else
  now = tonumber(ARGV[1])
end

local value = redis.call("GET", KEYS[1])
if not value then
  return 0
end
local words, places = {}, {}
for word in string.gmatch(value, "%S+") do
  words[#words + 1] = word
  if #words % FIELDS == 1 then
    places[word] = #words
  end
end

local longest = 0
for at = 2, #ARGV, 6 do
  local place = places[ARGV[at]]
  local per = tonumber(ARGV[at + 1])
  -- Of a quota that has changed since, a request was charged at another price: it keeps what is owed to it.
  local is_same = place and tonumber(words[place + 3]) == per
    and tonumber(words[place + 4]) == tonumber(ARGV[at + 2])
    and tonumber(words[place + 5]) == tonumber(ARGV[at + 3])
  if is_same then
    local whole = tonumber(words[place + 1]) - tonumber(ARGV[at + 4])
    local ticks = tonumber(words[place + 2]) - tonumber(ARGV[at + 5])
    if ticks < 0 then
      whole, ticks = whole - 1, ticks + per
    end
    words[place + 1] = string.format("%.0f", whole)
    words[place + 2] = string.format("%.0f", ticks)
  end
end
for place = 1, #words, FIELDS do
  longest = math.max(longest, tonumber(words[place + 1]) + 1 - now)
end
if longest <= 0 then
  redis.call("DEL", KEYS[1])
else
  redis.call("SET", KEYS[1], table.concat(words, " "), "PX", math.ceil(longest / 1000) + 1)
end
return 1
