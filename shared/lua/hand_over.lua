-- hand_over.lua: one stage is done with the head of its lane and hands its product to the next stage.
-- include: jobs lanes
--
-- KEYS: 1-5 the lane it is done with; 6-10 the lane it hands to (see LaneKeys); 11.. notes of which reply answered what.
-- ARGV: 1 stage, 2 job payload of the first lane; 3 stage, 4 job payload of the second; 5 turn; 6 records to drop;
--       7 what the notes say; 8 their lifetime in ms; 9.. records to append (may be none: an agent may have nothing to say).
-- Returns 1, or 0 if the turn is no longer current and nothing was done.
-- Atomic because a crash between dropping and appending would lose a reply, the other way round double it.
local source, target, now = lane_at(1, 1), lane_at(6, 3), now_ms()
if not advance(source, ARGV[5], tonumber(ARGV[6]), now) then return 0 end
if #ARGV >= 9 then append(target, 9, #ARGV, now) end
for i = 11, #KEYS do redis.call('SET', KEYS[i], ARGV[7], 'PX', ARGV[8]) end
return 1
