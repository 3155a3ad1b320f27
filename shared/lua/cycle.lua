-- cycle.lua: one turn of a worker's loop: release the batch that is done, then claim due jobs for the free slots.
-- include: jobs
--
-- KEYS: 1 queue; 2 bell.
-- ARGV: 1 the worker's token; 2 lease in ms; 3 free slots; 4 records to load with each lane job (0: none); 5 what the
--       lists of those lanes start with; 6 "1" if jobs may be aborted; then five for each job that is released:
--       id, verb, a, b, c.
--         done   its work is done (or given up).  a: ms that its in-progress key stays (cron, else 0); b: lifetime of the
--                result in ms (0: for ever); c: result, or empty.
--         again  put off.  a: ms from now; b: "1" if the attempt does not count.
-- Returns {now, due time of the next unclaimed job or false, claims, ids of released jobs that were not ours any more}.
--         A claim is {id, due, attempt, payload or false, 1 if aborted before its start, records}.
--
-- States of a job. Each is told by keys alone; what moves it on stands behind the arrow.
--   waiting    in the queue, score = when it is due.                 -> claimed, by the first cycle that finds it due
--   claimed    arq:in-progress:<id> = token for one lease, score = the lease's end and half a ms, so it leaves the head of
--              the queue and hides no younger job.                   -> claimed, by renew.lua; -> gone, by `done` or by the
--              script that commits its work (lib/lanes.lua); -> waiting, by `again`, or by the lease's end alone: the
--              in-progress key expires before the score is due, and any worker's next cycle claims it again
--   gone       no key is left but its result.
--
-- Attempts. arq:retry:<id> counts the earlier ones, and is not there for a job that is claimed for the first time, so nearly
-- none is ever written: `again` writes it if the attempt counts, and a claim that finds the half ms in the score, for it takes over
-- from a worker that died. A stock worker counts its attempt when it starts, which comes to the same; only the death of one of ours
-- is not counted if a stock worker takes over.
--
-- What a crash leaves: Redis runs a script wholly or not at all. A worker that dies holding claims leaves them to the lease.
-- One whose answer got lost holds claims that it does not know of: the same. It sends its released jobs again; whatever was
-- carried out the first time is no longer held, told as lost, and changes nothing.
--
-- Fencing: a lease that ran out may be held by another worker now, so nothing is released whose key does not hold our token.
-- A stock arq worker holds its jobs with another value and leaves their score: a claim looks past them.
--
-- Atomic because two workers must never claim one job, and a put-off must not be seen half.
local queue, bell = KEYS[1], KEYS[2]
local AT_ONCE = 1000 -- Lua's stack takes 8,000 values
local token, lease_ms, slots = ARGV[1], tonumber(ARGV[2]), math.min(tonumber(ARGV[3]), AT_ONCE)
local peek, lanes, abort = tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
local IN_PROGRESS, RETRY = 'arq:in-progress:', 'arq:retry:'
local RELEASED = 7 -- where the released jobs start in ARGV
local RETRY_TTL_S = 88400 -- as in arq: attempts are forgotten after a day
local LOOK_PAST = 1000 -- jobs of stock workers at the head that one cycle looks past
local now = now_ms()

local function count_attempt(id)
  redis.call('INCR', RETRY .. id)
  redis.call('EXPIRE', RETRY .. id, RETRY_TTL_S)
end

-- `holder`: of the job's in-progress key.
local function release_one(i, holder, lost)
  local id, verb, a, b, result = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if holder ~= token then
    lost[#lost + 1] = id
  elseif verb == 'done' then
    finish_job(queue, id)
    if abort then redis.call('ZREM', 'arq:abort', id) end
    if a ~= '0' then redis.call('SET', IN_PROGRESS .. id, '1', 'PX', a) end
    if result == '' then return end
    if b == '0' then redis.call('SET', 'arq:result:' .. id, result)
    else redis.call('SET', 'arq:result:' .. id, result, 'PX', b) end
  else
    redis.call('DEL', IN_PROGRESS .. id)
    if b ~= '1' then count_attempt(id) end
    redis.call('ZADD', queue, now + a, id)
  end
end

-- What is asked of many jobs is asked in one call. Of one alone it is asked without a table, which would cost more.
local function release_some(first, last, lost)
  local keys, seen = {}, {}
  for i = first, last, 5 do keys[#keys + 1] = IN_PROGRESS .. ARGV[i] end
  local holders = redis.call('MGET', unpack(keys))
  for n, key in ipairs(keys) do
    if seen[key] then holders[n] = redis.call('GET', key) end -- twice in one batch: it may just have been released
    release_one(first + 5 * (n - 1), holders[n], lost)
    seen[key] = true
  end
end

local function release_all()
  local lost, last = {}, #ARGV
  if last < RELEASED + 5 then
    if last > RELEASED then release_one(RELEASED, redis.call('GET', IN_PROGRESS .. ARGV[RELEASED]), lost) end
    return lost
  end
  for i = RELEASED, last, 5 * AT_ONCE do release_some(i, math.min(i + 5 * AT_ONCE - 1, last), lost) end
  return lost
end

-- The oldest records of a lane job's lane; false if the id names no lane that this worker serves.
local function records_of(id)
  if peek == 0 or string.sub(id, 1, #lanes) ~= lanes then return false end
  return redis.call('LRANGE', string.match(id, '^(.*):[^:]*$'), 0, peek - 1)
end

-- The claim, to be completed; nil if another worker holds the job, or if it was the left-over of a lane that is idle.
local function claim(id, due)
  if not redis.call('SET', IN_PROGRESS .. id, token, 'NX', 'PX', lease_ms - 1) then return nil end
  local records = records_of(id)
  if records and #records == 0 then
    finish_job(queue, id)
    return nil, true
  end
  if due % 1 ~= 0 then count_attempt(id) end
  local aborted = abort and redis.call('ZREM', 'arq:abort', id) or 0
  return {id, due, 1, false, aborted, records or {}}
end

-- Scores, payloads and attempts of claims[first..], in two calls for all of them.
local function complete(claims, first)
  if first > #claims then return end
  local lease_end = string.format('%.0f.5', now + lease_ms)
  local scores, keys = {}, {}
  for i = first, #claims do
    local id = claims[i][1]
    scores[#scores + 1], scores[#scores + 2] = lease_end, id
    keys[#keys + 1], keys[#keys + 2] = 'arq:job:' .. id, RETRY .. id
  end
  redis.call('ZADD', queue, unpack(scores))
  local found = redis.call('MGET', unpack(keys))
  for i = first, #claims do
    local at = 2 * (i - first) + 1
    claims[i][4], claims[i][3] = found[at], 1 + tonumber(found[at + 1] or 0)
  end
end

-- Claim from one page of the queue. How many jobs were passed over; when the job is due that ends the search, or false.
local function claim_page(page, claims)
  local passed = 0
  for i = 1, #page, 2 do
    local id, due = page[i], page[i + 1]
    if tonumber(due) > now then return passed, due end
    -- A write that takes no memory comes first. Redis, when full, refuses a script whose first write takes some; but a
    -- full Redis drains only if its work can be claimed, and announced to those who can.
    if #claims == 0 then redis.call('PERSIST', queue) end
    if #claims < slots then
      local claimed, dropped = claim(id, due)
      if claimed then claims[#claims + 1] = claimed
      elseif not dropped then passed = passed + 1 end
    elseif redis.call('EXISTS', IN_PROGRESS .. id) == 0 then
      ring(bell)
      return passed, due
    else
      passed = passed + 1
    end
  end
  return passed, false
end

-- Claims, and when the first job that was left is due. Work that is due but left wakes one more worker.
local function claim_all()
  local claims, passed = {}, 0
  while passed < LOOK_PAST do
    local room, first = slots - #claims, #claims + 1
    local last = passed + (passed == 0 and room or math.max(room, 99))
    local page = redis.call('ZRANGE', queue, passed, last, 'WITHSCORES')
    local more, due = claim_page(page, claims)
    complete(claims, first) -- so they have left the head before the next page is looked at
    passed = passed + more
    if due or #page < 2 * (last - passed + more + 1) then return claims, due end
  end
  return claims, false
end

local lost = release_all()
local claims, next_due = claim_all()
return {string.format('%.0f', now), next_due, claims, lost}
