-- hold_parts.lua: quiet hours: take a reply's parts from the head of the outbound lane and hold them until the given time.
-- include: jobs lanes holds
--
-- A part in doubt may be held too: whoever looks at it again, in the morning, finds it in doubt and looks at Twilio first. A
-- zombie that announced it just before posts at most that once: its announcement stands in the part's hash.
--
-- 0 means: messages that were held for this person are due and go first. Then nothing is held: they are let go here,
-- and the whole lane lines up behind them. If they were let go a moment ago they already stand in the lane, behind these parts, and
-- these go to its end. (Another reply that came in that moment, between these parts and those messages, goes before both.)
--
-- KEYS: 1-5 the outbound lane; 6-8 its hold.
-- ARGV: 1 stage, 2 job payload; 3 payload of the job that wakes the hold; 4 turn; 5 number of records; 6 message id; 7 due ms, or 0.
-- Returns 1, or 0 if the turn is no longer current and nothing was done.
-- Atomic because a part must be either in its lane or in the hold.
local lane, now = lane_at(1, 1), now_ms()
local hold, count = hold_at(6, lane, ARGV[3]), tonumber(ARGV[5])

local function let_held_go_first()
  local all = redis.call('LRANGE', lane.list, 0, -1)
  if #all == 0 or not advance(lane, ARGV[4], #all, now) then return 0 end
  if release_due(hold, lane, now) > 0 then
    append_range(lane, all, 1, #all, now)
    return 1
  end
  if #all > count then append_range(lane, all, count + 1, #all, now) end
  append_range(lane, all, 1, count, now)
  return 1
end

if ARGV[7] == '0' then return let_held_go_first() end
local records = redis.call('LRANGE', lane.list, 0, count - 1)
if #records == 0 or not advance(lane, ARGV[4], #records, now) then return 0 end
hold_records(hold, ARGV[6], records, ARGV[7])
return 1
