-- hand_over.lua: one stage is done with the head of its lane and hands its product to the next stage.
-- include: jobs lanes history
--
-- KEYS: 1-5 the lane it is done with; 6-10 the lane it hands to (see LaneKeys); 11 history, only if ARGV has more than the
--       records; then the notes of which reply answered what.
-- ARGV: 1 stage, 2 job payload of the first lane; 3 stage, 4 job payload of the second; 5 turn; 6 records to drop;
--       7 what the notes say; 8 their lifetime in ms; 9 "1" if the moment of the reply is noted, for the guard against loops;
--       10 n, the number of records to append (0: an agent may have nothing to say); 11..10+n the records; then what
--       `remember` in lib/history.lua takes, or nothing.
-- Returns 1, or 0 if the turn is no longer current and nothing was done.
-- Atomic because a crash between dropping and appending would lose a reply, the other way round double it; and because what
-- is remembered must be what was said.
local source, target, now = lane_at(1, 1), lane_at(6, 3), now_ms()
local last = 10 + tonumber(ARGV[10])
local remembers = #ARGV > last
if not advance(source, ARGV[5], tonumber(ARGV[6]), now) then return 0 end
if last > 10 then append(target, 11, last, now) end
if remembers then remember(KEYS[11], source.state, last + 1) end
for i = remembers and 12 or 11, #KEYS do redis.call('SET', KEYS[i], ARGV[7], 'PX', ARGV[8]) end
if ARGV[9] == '1' then redis.call('HSET', source.state, 'replied_ms', string.format('%.0f', now)) end
return 1
