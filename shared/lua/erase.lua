-- erase.lua: forget a person: what waits for or from them, what was said, and that they were let in.
-- include: jobs lanes holds
--
-- KEYS: 1-5 agent lane; 6-10 format lane; 11-15 outbound lane; 16 history; 17 approved; 18 pairing:sender;
--       19 pairing:pending; 20-22 hold at the format stage; 23-25 at the outbound stage.
-- ARGV: 1, 2 agent stage and '' (no payload is needed); 3, 4 format; 5, 6 outbound; 7 the person; 8 what pairing:code keys
--       start with.
-- Returns {records that waited (in a lane, or for their time), lines of history, 1 if they were approved else 0}.
-- With the conversation's hash the turn numbers go, so a worker in the middle of a turn is fenced, whatever it holds: it can
-- add nothing any more. Turn numbers never repeat (lib/lanes.lua), so that stays true when the person texts again.
-- A part that Twilio is being asked to send at this very moment is sent; only its state is written once more, without words.
-- Whether they opted out stays: nobody may be texted again because they asked to be forgotten.
-- Atomic because a record that waits must have its lane's job, and no turn may commit in between.
local waited = 0
for i = 0, 2 do
  local lane = lane_at(1 + 5 * i, 1 + 2 * i)
  local turn = redis.call('HGET', lane.state, lane.stage)
  if turn then finish_job(lane.queue, lane.list .. ':' .. turn) end
  waited = waited + redis.call('LLEN', lane.list)
  redis.call('DEL', lane.list)
  redis.call('ZREM', lane.busy, lane.list)
end
for i = 0, 1 do
  waited = waited + empty_hold(hold_at(20 + 3 * i, lane_at(6 + 5 * i, 3 + 2 * i), ''))
end
redis.call('DEL', KEYS[2])
local lines = redis.call('LLEN', KEYS[16])
local approved = redis.call('HDEL', KEYS[17], ARGV[7])
local code = redis.call('GET', KEYS[18])
if code then
  redis.call('DEL', ARGV[8] .. code)
  redis.call('ZREM', KEYS[19], code)
end
redis.call('DEL', KEYS[16], KEYS[18])
return {waited, lines, approved}
