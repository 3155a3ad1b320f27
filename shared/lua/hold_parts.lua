-- hold_parts.lua: quiet hours: take a reply's parts from the head of the outbound lane and hold them until the given time.
-- include: jobs lanes holds
--
-- A part in doubt may be held too: whoever looks at it again, in the morning, finds it in doubt and looks at Twilio first. A
-- zombie that announced it just before posts at most that once: its announcement stands in the part's hash.
--
-- KEYS: 1-5 the outbound lane; 6-8 its hold.
-- ARGV: 1 stage, 2 job payload; 3 payload of the job that wakes the hold; 4 turn; 5 number of records; 6 message id; 7 due ms.
-- Returns 1, or 0 if the turn is no longer current and nothing was done.
-- Atomic because a part must be either in its lane or in the hold.
local lane, now = lane_at(1, 1), now_ms()
local records = redis.call('LRANGE', lane.list, 0, tonumber(ARGV[5]) - 1)
if #records == 0 or not advance(lane, ARGV[4], #records, now) then return 0 end
hold_records(hold_at(6, lane, ARGV[3]), ARGV[6], records, ARGV[7])
return 1
