-- fail.lua: count one failure of a lane's current turn. Claims are no measure of it: a worker that dies takes the attempt of
-- every turn that it held with it, and a turn must not use up its retries on the deaths of its neighbours.
--
-- KEYS: 1 conversation.   ARGV: 1 stage; 2 turn.
-- Returns {how often this turn has failed, ms since its first failure}; {0, 0} if it is no longer current.
--
-- The turn has been failing since <stage>:failing_ms. `advance` in lib/lanes.lua forgets count and time with the turn. The time
-- alone is forgotten while the turn waits for something else than its failures to pass: a paused account (dispatch_part.lua),
-- one that is switched off (workers/boundary.py). Else three days of pause would count as three days of failing.
local failing, t = ARGV[1] .. ':failing_ms', redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {0, 0} end
-- Takes no memory, so a full Redis refuses nothing that follows. (A lane with a current turn is busy: no lifetime to lose.)
redis.call('PERSIST', KEYS[1])
redis.call('HSETNX', KEYS[1], failing, string.format('%.0f', now))
local age_ms = math.max(0, now - tonumber(redis.call('HGET', KEYS[1], failing)))
return {redis.call('HINCRBY', KEYS[1], ARGV[1] .. ':failures', 1), age_ms}
