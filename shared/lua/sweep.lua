-- sweep.lua: heal one lane whose job is gone.
-- include: jobs lanes
--
-- KEYS: 1-5 the lane.   ARGV: 1 stage, 2 job payload.
-- Returns 1 if a job was enqueued, else 0. Enqueues by turn number, so it can never add a second job for one turn.
local lane, now = lane_at(1, 1), now_ms()
if redis.call('EXISTS', lane.list) == 0 then
  redis.call('ZREM', lane.busy, lane.list)
  return 0
end
redis.call('ZADD', lane.busy, now, lane.list)
local turn = current_turn(lane, now)
redis.call('PERSIST', lane.state)
if redis.call('ZSCORE', lane.queue, lane.list .. ':' .. turn) then return 0 end
start_turn(lane, turn, now, now)
return 1
