-- fail.lua: count one failure of a lane's current turn, and keep why. Claims are no measure of it: a worker that dies takes the
-- attempt of every turn that it held with it, and a turn must not use up its retries on the deaths of its neighbours.
--
-- Fields of the conversation's hash that only live as long as the turn: <stage>:failures, their number; <stage>:story, the latest
-- of them, one JSON object per line, oldest first; <stage>:last, the last reason of any kind (note_put_off.lua writes it too).
-- `advance` in lib/lanes.lua forgets all three; bury.lua keeps the story with the dead letter.
--
-- KEYS: 1 conversation.   ARGV: 1 stage; 2 turn; 3 the failure as JSON; 4 how many are kept at most.
-- Returns how often this turn has failed, 0 if it is no longer current. Atomic because the turn must be current when it counts.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
-- Takes no memory, so a full Redis refuses nothing that follows. (A lane with a current turn is busy: no lifetime to lose.)
redis.call('PERSIST', KEYS[1])
local failures = redis.call('HINCRBY', KEYS[1], ARGV[1] .. ':failures', 1)
local story = redis.call('HGET', KEYS[1], ARGV[1] .. ':story') or ''
local _, kept = string.gsub(story, '\n', '')
if kept >= tonumber(ARGV[4]) then story = string.gsub(story, '^[^\n]*\n', '', 1) end
redis.call('HSET', KEYS[1], ARGV[1] .. ':story', story .. ARGV[3] .. '\n', ARGV[1] .. ':last', ARGV[3])
return failures
