-- fail.lua: count one failure of a lane's current turn. Claims are no measure of it: a worker that dies takes the attempt of
-- every turn that it held with it, and a turn must not use up its retries on the deaths of its neighbours.
--
-- KEYS: 1 conversation.   ARGV: 1 stage; 2 turn.
-- Returns how often this turn has failed, 0 if it is no longer current. `advance` in lib/lanes.lua forgets the count.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
-- Takes no memory, so a full Redis refuses nothing that follows. (A lane with a current turn is busy: no lifetime to lose.)
redis.call('PERSIST', KEYS[1])
return redis.call('HINCRBY', KEYS[1], ARGV[1] .. ':failures', 1)
