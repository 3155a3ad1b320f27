-- release_part.lua: the announced request certainly did not reach Twilio (refused connection, 429): the part waits again.
--
-- If Twilio refused it for its media, that is noted with the part: it goes without them from now on (dispatch_part.lua tells
-- the next attempt), and its trace says so. The note is written with the release, so no attempt can come in between.
--
-- KEYS: 1 part.   ARGV: 1 attempt; 2 lifetime of the part in ms; 3 the refusal of its media, or empty.
-- Returns 1, or 0 if that attempt does not hold the part.
local part = redis.call('HMGET', KEYS[1], 'state', 'attempt')
if part[1] ~= 'dispatching' or part[2] ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- first, since it takes no memory: a full Redis refuses no script that began so
redis.call('HSET', KEYS[1], 'state', 'waiting')
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'media_refused', ARGV[3]) end
return 1
