-- still_working.lua: tell a person that their turn goes on: once for each turn, and never behind its reply.
-- include: jobs lanes
--
-- KEYS: 1 conversation; 2-6 format lane.
-- ARGV: 1 stage, 2 payload (format); 3 the stage of the turn; 4 turn; 5 the notice (a reply).
-- Returns 1, or 0 if the turn is over (its reply is in the lane already) or the person was told before.
-- What was told is a field of the conversation's hash, `working` = turn: it lives as long as the turn does, so one that is run
-- again after a crash tells nobody twice, however late that is.
-- Atomic because the turn may be committed between the look and the append.
local known = redis.call('HMGET', KEYS[1], ARGV[3], 'working')
if known[1] ~= ARGV[4] or known[2] == ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], 'working', ARGV[4])
append(lane_at(2, 1), 5, 5, now_ms())
return 1
