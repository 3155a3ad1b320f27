-- lib/holds.lua: the hold, where messages wait for a time of day instead of in their lane.
--
-- A hold belongs to one conversation at one stage: `format` for a message that was scheduled (sendAt), `outbound` for parts that
-- quiet hours keep back. It is a sorted set of `<number>:<message id>`, score = due time in ms; the records of each lie in a list of
-- their own, <hold>:<number>. Numbers count up over all holds, so what is due at the same ms keeps the order in which it came.
--
-- States of a message's records; each is in exactly one of them:
--   held     in the hold, due later or just now.        -> lane, by release_held.lua, all that is due at once and in order;
--                                                       -> canceled (cancel_held.lua)
--   lane     in the lane of the hold's stage.           -> held again, by hold_parts.lua (outbound: quiet hours have begun)
--   canceled gone; the message's record says so for 30 days.
--   gone     its person was forgotten (erase.lua).
--
-- Who wakes it: a hold that is not empty has a job <hold>:<due of its first message> in arq's queue of its stage, put off to exactly
-- that time. Every script that changes the hold sees to it (`mend`), and release_held.lua finishes its own job in the same step, so no
-- message can come in between and find a job that will not look again. A job whose message was canceled finds nothing, and sees to
-- the next one.
--
-- What a crash leaves: between two scripts, a hold with its job. A worker that dies with the job leaves it to its lease. One whose
-- answer got lost runs release_held.lua again: nothing is due any more. If the job itself is lost (an operator's mistake, an older
-- worker that does not know the function), the sweeper finds in the index `held` what is due soon, and runs release_held.lua on it,
-- which lets go what is due and sees to the job of what is not.

local MOST_AT_ONCE = 100
local NUMBER_DIGITS = 16

-- Three KEYS from `key` (see HoldKeys); `payload`: of the job that wakes it; the queue is that of its lane.
local function hold_at(key, lane, payload)
  return {set = KEYS[key], index = KEYS[key + 1], last = KEYS[key + 2], queue = lane.queue, bell = lane.bell, payload = payload}
end

local function entry_of(hold, member) return hold.set .. ':' .. string.sub(member, 1, NUMBER_DIGITS) end

-- The index and the job agree with what is in the hold.
local function mend(hold)
  local first = redis.call('ZRANGE', hold.set, 0, 0, 'WITHSCORES')
  if not first[2] then
    redis.call('ZREM', hold.index, hold.set)
    return
  end
  redis.call('ZADD', hold.index, first[2], hold.set)
  enqueue_job(hold.queue, hold.bell, hold.set .. ':' .. string.format('%.0f', first[2]), hold.payload, first[2])
end

local function hold_records(hold, id, records, due_ms)
  local member = string.format('%0' .. NUMBER_DIGITS .. '.0f', redis.call('INCR', hold.last)) .. ':' .. id
  push(entry_of(hold, member), records, 1, #records)
  redis.call('ZADD', hold.set, due_ms, member)
  mend(hold)
end

-- Forget all of it; the number of records.
local function empty_hold(hold)
  local count = 0
  for _, member in ipairs(redis.call('ZRANGE', hold.set, 0, -1)) do
    finish_job(hold.queue, hold.set .. ':' .. string.format('%.0f', redis.call('ZSCORE', hold.set, member)))
    count = count + redis.call('LLEN', entry_of(hold, member))
    redis.call('DEL', entry_of(hold, member))
  end
  redis.call('DEL', hold.set)
  redis.call('ZREM', hold.index, hold.set)
  return count
end

-- All that is due, however much: what is left would be overtaken by what was let go. Frees memory before it takes any, so that
-- a full Redis can drain. Returns how many messages.
local function release_due(hold, lane, now)
  local count = 0
  while true do
    local due = redis.call('ZRANGEBYSCORE', hold.set, '-inf', now, 'LIMIT', 0, MOST_AT_ONCE)
    if #due == 0 then break end
    redis.call('ZREM', hold.set, unpack(due))
    for _, member in ipairs(due) do
      local entry = entry_of(hold, member)
      local records = redis.call('LRANGE', entry, 0, -1)
      redis.call('DEL', entry)
      if #records > 0 then append_range(lane, records, 1, #records, now) end
    end
    count = count + #due
  end
  mend(hold)
  return count
end
