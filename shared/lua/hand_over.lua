-- hand_over.lua: one stage is done with the head of its lane and hands its product to the next stage.
-- include: jobs lanes history
--
-- KEYS: 1-5 the lane it is done with (see LaneKeys); 6-8 list, queue and bell of the lane it hands to, one of the same
--       conversation; 9 history, only if ARGV has more than the records; then the notes of which reply answered what.
-- ARGV: 1 stage, 2 job payload of the first lane; 3 stage, 4 job payload of the second; 5 turn; 6 records to drop;
--       7 what the notes say; 8 their lifetime in ms; 9 "1" if the moment of the reply is noted, for the guard against loops;
--       10 n, the number of records to append (0: an agent may have nothing to say); 11..10+n the records; then what
--       `remember` in lib/history.lua takes, or nothing.
-- Returns 1, or 0 if the turn is no longer current and nothing was done.
-- Atomic because a crash between dropping and appending would lose a reply, the other way round double it; and because what
-- is remembered must be what was said.
local source, now = lane_at(1, 1), now_ms()
local target, last = lane_beside(source, 6, 3), 10 + tonumber(ARGV[10])
local remembers, appends = #ARGV > last, last > 10
local known, also = look_at(source, target.stage, 'forgotten'), {}
if ARGV[9] == '1' then also = {'replied_ms', now} end
if appends then
  target.turn = known[5] or string.format('%.0f', now)
  if not known[5] then also[#also + 1], also[#also + 2] = target.stage, target.turn end
end
if not advance(source, ARGV[5], tonumber(ARGV[6]), now, known, also, appends) then return 0 end
if appends then append(target, 11, last, now) end
if remembers then remember(KEYS[9], source.state, last + 1, known[6]) end
for i = remembers and 10 or 9, #KEYS do redis.call('SET', KEYS[i], ARGV[7], 'PX', ARGV[8]) end
return 1
