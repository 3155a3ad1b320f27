-- append.lua: put records at the end of a lane from outside the pipeline (a notice, a message of an operator's).
-- include: jobs lanes
--
-- KEYS: 1-5 the lane.   ARGV: 1 stage, 2 job payload, 3.. records.
-- Returns the lane's length. Atomic because a busy lane must have its job.
return append(lane_at(1, 1), 3, #ARGV, now_ms())
