-- hold_reply.lua: put a message of an operator's aside until its time, from outside the pipeline.
-- include: jobs lanes holds
--
-- KEYS: 1-5 the lane that it will join; 6-8 its hold; 9 once.
-- ARGV: 1 stage, 2 job payload; 3 payload of the job that wakes the hold; 4 message id; 5 due time in ms; 6 record.
-- Returns 1, or 0 if the same message was put aside before (the client sent the script again).
-- Atomic because the mark must be there exactly when the record is, and a hold must have its job.
local ONCE_MS = 3600 * 1000
if not redis.call('SET', KEYS[9], '1', 'NX', 'PX', ONCE_MS) then return 0 end
hold_records(hold_at(6, lane_at(1, 1), ARGV[3]), ARGV[4], {ARGV[6]}, ARGV[5])
return 1
