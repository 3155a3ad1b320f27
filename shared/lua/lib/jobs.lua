-- lib/jobs.lua: arq's own job format, written from inside a script. Included by other scripts, never run alone.
--
-- A job is a payload under arq:job:<id> and a member of its queue (score = due time in ms). While a worker runs it,
-- arq:in-progress:<id> holds the worker's token; arq:retry:<id> counts its attempts. Source: arq 0.28, connections.py and
-- worker.py.

-- Waiting costs nothing and must not expire (quiet hours, a paused account): 40 days, beyond any put-off.
local JOB_TTL_MS = 40 * 24 * 3600 * 1000

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- One token wakes one worker; more would be a herd.
local function ring(bell)
  if redis.call('LLEN', bell) == 0 then redis.call('LPUSH', bell, '1') end
end

local function enqueue_job(queue, bell, job_id, payload, due_ms)
  redis.call('SET', 'arq:job:' .. job_id, payload, 'PX', JOB_TTL_MS)
  redis.call('ZADD', queue, 'NX', due_ms, job_id)
  ring(bell)
end

-- Behind the id: other keys that go in the same call.
local function finish_job(queue, job_id, ...)
  redis.call('DEL', 'arq:job:' .. job_id, 'arq:in-progress:' .. job_id, 'arq:retry:' .. job_id, ...)
  redis.call('ZREM', queue, job_id)
end
