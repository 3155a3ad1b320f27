-- release_part.lua: the announced request certainly did not reach Twilio (refused connection, 429): the part waits again.
--
-- KEYS: 1 part.   ARGV: 1 attempt; 2 lifetime of the part in ms.   Returns 1, or 0 if that attempt does not hold the part.
local part = redis.call('HMGET', KEYS[1], 'state', 'attempt')
if part[1] ~= 'dispatching' or part[2] ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- first, since it takes no memory: a full Redis refuses no script that began so
redis.call('HSET', KEYS[1], 'state', 'waiting')
return 1
