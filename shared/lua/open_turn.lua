-- open_turn.lua: a turn's agent is about to be asked, and may answer later, by the API.
--
-- States of a turn's record (lifetime: how long a later answer is taken):
--   unknown    no hash: never opened, or its time is over -> open (here)
--   open       neither of the fields below                -> answered (submit.lua) | closed (close_turn.lua)
--   answered   `fingerprint`: the API took the answer     -> stays; the same answer again is a replay, another a conflict
--   closed     `closed`: the turn itself has said something, or was given up -> open (here), if the turn is run again
--
-- A crash between close_turn.lua and the commit of the turn leaves it closed and current: whoever runs it next opens it
-- again and asks again. Once the turn is committed nobody opens it any more: it is not current.
--
-- KEYS: 1 the conversation's state; 2 the turn's record.
-- ARGV: 1 stage, 2 turn; 3 lifetime in ms; 4.. fields and values of the record.
-- Returns "open", "answered", or "fenced" if the turn is no longer current.
-- Atomic because a worker that lost its lease could open a turn again that another has just committed.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 'fenced' end
if redis.call('HEXISTS', KEYS[2], 'fingerprint') == 1 then return 'answered' end
redis.call('HDEL', KEYS[2], 'closed')
redis.call('HSET', KEYS[2], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 'open'
