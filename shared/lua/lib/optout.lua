-- lib/optout.lua: who gets no more texts, and the trail of how that came about.
--
-- A person is opted out exactly while the account's hash holds them; the value is the change that put them there, so it says
-- since when and how. Every change, and nothing else, is noted in the person's trail, in the same script: the two cannot
-- disagree. A second STOP changes nothing: the first is the one that counts.

local TRAIL_LENGTH = 50
local TRAIL_TTL_MS = 5 * 365 * 24 * 3600 * 1000

local function note_change(trail, change)
  redis.call('RPUSH', trail, change)
  redis.call('LTRIM', trail, -TRAIL_LENGTH, -1)
  redis.call('PEXPIRE', trail, TRAIL_TTL_MS)
end

-- True if they were not opted out before.
local function opt_out(people, trail, person, change)
  if redis.call('HSETNX', people, person, change) == 0 then return false end
  note_change(trail, change)
  return true
end

-- True if they were opted out before.
local function opt_in(people, trail, person, change)
  if redis.call('HDEL', people, person) == 0 then return false end
  note_change(trail, change)
  return true
end
