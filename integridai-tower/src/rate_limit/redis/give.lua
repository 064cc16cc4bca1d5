-- Gives back to a key what it was charged, down to nothing owed.
--
-- KEYS[1] the key. ARGV[1] the present in µs since 1970, or "" for this server's. Then for each quota its name, ticks per µs, one
-- request and what is given back (both as whole µs and ticks).

local ARGUMENTS = 6
local now = present(ARGV[1])
local listed, named = entries(KEYS[1])
if #listed == 0 then
  return 0
end

for at = 2, #ARGV, ARGUMENTS do
  local entry = named[ARGV[at]]
  local per = tonumber(ARGV[at + 1])
  -- Of a quota that has changed since, a request was charged at another price: it keeps what is owed to it.
  local is_same = entry and entry.per == per and entry.interval == tonumber(ARGV[at + 2])
    and entry.interval_ticks == tonumber(ARGV[at + 3])
  if is_same then
    local arrival, ticks = entry.arrival - tonumber(ARGV[at + 4]), entry.ticks - tonumber(ARGV[at + 5])
    if ticks < 0 then
      arrival, ticks = arrival - 1, ticks + per
    end
    if arrival < now then
      arrival, ticks = now, 0
    end
    entry.arrival, entry.ticks = arrival, ticks
  end
end
keep(KEYS[1], listed, now)
return 1
