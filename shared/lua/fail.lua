-- fail.lua: count one failure of a lane's current turn, and keep why. Claims are no measure of it: a worker that dies takes the
-- attempt of every turn that it held with it, and a turn must not use up its retries on the deaths of its neighbours.
--
-- May be sent again after a lost reply: a failure that is the latest in the story already, to the millisecond at which its worker
-- saw it, is not counted once more. (Two failures of one turn are never so close: a wait lies between them.)
--
-- Fields of the conversation's hash that only live as long as the turn: <stage>:failures, their number; <stage>:failing_ms, since
-- when; <stage>:story, the latest of them, one JSON object per line, oldest first; <stage>:last, the last reason of any kind
-- (note_put_off.lua writes it too). `advance` in lib/lanes.lua forgets all four; bury.lua keeps the story with the dead letter.
-- The time alone is forgotten while the turn waits for something else than its failures to pass: a paused account
-- (dispatch_part.lua), one that is switched off (workers/boundary.py). Else three days of pause would count as three of failing.
--
-- KEYS: 1 conversation.   ARGV: 1 stage; 2 turn; 3 the failure as JSON; 4 how many are kept at most.
-- Returns {how often this turn has failed, ms since its first failure}; {0, 0} if it is no longer current. Atomic because the
-- turn must be current when it counts.
local failing, t = ARGV[1] .. ':failing_ms', redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {0, 0} end
-- Takes no memory, so a full Redis refuses nothing that follows. (A lane with a current turn is busy: no lifetime to lose.)
redis.call('PERSIST', KEYS[1])
redis.call('HSETNX', KEYS[1], failing, string.format('%.0f', now))
local age_ms = math.max(0, now - tonumber(redis.call('HGET', KEYS[1], failing)))
local story = redis.call('HGET', KEYS[1], ARGV[1] .. ':story') or ''
if string.sub(story, -#ARGV[3] - 1) == ARGV[3] .. '\n' then
  return {tonumber(redis.call('HGET', KEYS[1], ARGV[1] .. ':failures') or '1'), age_ms}
end
local failures = redis.call('HINCRBY', KEYS[1], ARGV[1] .. ':failures', 1)
local _, kept = string.gsub(story, '\n', '')
if kept >= tonumber(ARGV[4]) then story = string.gsub(story, '^[^\n]*\n', '', 1) end
redis.call('HSET', KEYS[1], ARGV[1] .. ':story', story .. ARGV[3] .. '\n', ARGV[1] .. ':last', ARGV[3])
return {failures, age_ms}
