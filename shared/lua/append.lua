-- append.lua: put records at the end of a lane from outside the pipeline (a notice, a message of an operator's).
-- include: jobs lanes
--
-- KEYS: 1-5 the lane; 6 once (optional).   ARGV: 1 stage, 2 job payload, 3.. records.
-- Returns the lane's length, or 0 if the same records were appended before: a connection that broke before the answer came
-- makes the client send the script again, and nobody may be texted twice for that.
-- Atomic because a busy lane must have its job, and the mark must be there exactly when the records are.
local ONCE_MS = 3600 * 1000
if KEYS[6] and not redis.call('SET', KEYS[6], '1', 'NX', 'PX', ONCE_MS) then return 0 end
return append(lane_at(1, 1), 3, #ARGV, now_ms())
