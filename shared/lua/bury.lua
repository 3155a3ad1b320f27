-- bury.lua: give up the head of a lane: keep it as a dead letter and let the lane go on.
-- include: jobs lanes
--
-- KEYS: 1-5 the lane; 6 dead; 7 dead letter; 8-12 the format lane (for an apology); 13.. parts that are dead now.
-- ARGV: 1 stage, 2 payload; 3 stage, 4 payload (format); 5 turn; 6 records to drop; 7 letter id; 8 letter;
--       9 apology (a reply) or empty.
-- Returns 1, or 0 if the turn is no longer current and nothing was done.
-- Atomic because work must be either in its lane or among the dead letters, never in both or neither.
local now = now_ms()
if not advance(lane_at(1, 1), ARGV[5], tonumber(ARGV[6]), now) then return 0 end
redis.call('SET', KEYS[7], ARGV[8])
redis.call('ZADD', KEYS[6], now, ARGV[7])
for i = 13, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('HSET', KEYS[i], 'state', 'dead') end
end
if ARGV[9] ~= '' then append(lane_at(8, 3), 9, 9, now) end
return 1
