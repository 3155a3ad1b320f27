-- renew.lua: the worker still runs these jobs: prolong their leases.
--
-- KEYS: 1 queue.   ARGV: 1 the worker's token; 2 lease in ms; 3.. job ids.
-- Returns the ids that are no longer this worker's.
--
-- A lease that ran out while Redis was away is taken again, if no other worker was quicker: the key is gone and the score
-- (the lease's end, known by its half ms) stands or has passed. A whole score in the future without a key is a put-off and
-- stays what it is; a job that is not in the queue is done.
-- Atomic because between look and write another worker may claim the job.
--
-- A write that takes no memory comes first, as in cycle.lua: a full Redis must not cost running jobs their leases.
local token, lease_ms = ARGV[1], tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local lost = {}
redis.call('PERSIST', KEYS[1])
for i = 3, #ARGV do
  local id = ARGV[i]
  local key = 'arq:in-progress:' .. id
  local holder, score = redis.call('GET', key), redis.call('ZSCORE', KEYS[1], id)
  local ran_out = not holder and score and (tonumber(score) <= now or tonumber(score) % 1 ~= 0)
  local mine = holder == token or ran_out
  if mine and score then
    redis.call('SET', key, token, 'PX', lease_ms - 1)
    redis.call('ZADD', KEYS[1], string.format('%.0f.5', now + lease_ms), id) -- the half: see cycle.lua
  else
    lost[#lost + 1] = id
  end
end
return lost
