-- release_held.lua: what is due joins its lane, in the order of its times and then in that of its coming.
-- include: jobs lanes holds
--
-- KEYS: 1-5 the lane; 6-8 the hold.
-- ARGV: 1 stage, 2 job payload; 3 payload of the job that wakes the hold; 4 id of the job that calls, empty for the sweeper.
-- Returns how many messages joined. Finishes its own job: see lib/holds.lua for why that must be the same step.
-- Atomic because a message must be either in the hold or in the lane.
local lane = lane_at(1, 1)
if ARGV[4] ~= '' then finish_job(lane.queue, ARGV[4]) end
return release_due(hold_at(6, lane, ARGV[3]), lane, now_ms())
