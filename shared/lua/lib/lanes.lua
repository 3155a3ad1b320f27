-- lib/lanes.lua: the lane, the one mechanism that keeps a conversation in order at every stage.
--
-- A lane is a list of waiting records, oldest first, and a turn number in the conversation's hash. It has no "busy"
-- flag that could disagree: a lane is busy exactly while its list is not empty, and a busy lane has exactly one job,
-- <list>:<turn>. Only two things happen to it:
--
--   append   idle -> busy: enqueue the job of the current turn.   busy -> busy: only the list grows.
--   advance  the job of turn N is done with the first n records: drop them, make N+1 the current turn, and enqueue its
--            job if records are left. Refused ("fenced") unless N is still the current turn, so of two workers that
--            hold the same turn (a lease ran out under a slow one) exactly one commits.
--
-- A crash can fall only between two scripts, and between them the list, the turn and the job agree. If the job alone
-- is lost (an operator's mistake, a stock worker that dropped it), the sweeper finds the lane in the busy index and
-- enqueues the same turn again.
--
-- Turn numbers start at Redis' clock in ms, so they never repeat for a conversation, even after its hash has expired
-- or was erased: agents use conversation and turn as an idempotency key.

local IDLE_TTL_S = 30 * 24 * 3600

-- Five KEYS from `key` (see LaneKeys) and two ARGV from `arg`: the stage's name and its job payload.
local function lane_at(key, arg)
  return {
    list = KEYS[key], state = KEYS[key + 1], queue = KEYS[key + 2], bell = KEYS[key + 3], busy = KEYS[key + 4],
    stage = ARGV[arg], payload = ARGV[arg + 1],
  }
end

local function current_turn(lane, now)
  local turn = redis.call('HGET', lane.state, lane.stage)
  if turn then return turn end
  turn = string.format('%.0f', now)
  redis.call('HSET', lane.state, lane.stage, turn)
  return turn
end

local function start_turn(lane, turn, now, due_ms)
  enqueue_job(lane.queue, lane.bell, lane.list .. ':' .. turn, lane.payload, due_ms)
  redis.call('ZADD', lane.busy, now, lane.list)
end

-- Lua's stack takes 8,000 values. One more would be an error in the middle of a script, with what came before it written.
local PUSH_AT_ONCE = 1000

-- Append ARGV[first..last]; the first record of an idle lane is due `delay_ms` from now.
local function append(lane, first, last, now, delay_ms)
  local length = 0
  for i = first, last, PUSH_AT_ONCE do
    length = redis.call('RPUSH', lane.list, unpack(ARGV, i, math.min(i + PUSH_AT_ONCE - 1, last)))
  end
  redis.call('PERSIST', lane.state) -- another lane of the conversation may just have fallen idle
  if length == last - first + 1 then
    local turn = current_turn(lane, now)
    start_turn(lane, turn, now, now + (delay_ms or 0))
  end
  return length
end

-- True if `turn` was current and its first `n` records are gone now. Frees memory before it takes any, so that a full
-- Redis can drain: Redis refuses a script whose first write needs memory, and lets later ones pass.
local function advance(lane, turn, n, now)
  if redis.call('HGET', lane.state, lane.stage) ~= turn then return false end
  redis.call('LTRIM', lane.list, n, -1)
  redis.call('HDEL', lane.state, lane.stage .. ':failures', lane.stage .. ':story', lane.stage .. ':last')
  finish_job(lane.queue, lane.list .. ':' .. turn)
  local next_turn = string.format('%.0f', redis.call('HINCRBY', lane.state, lane.stage, 1))
  if redis.call('EXISTS', lane.list) == 1 then
    start_turn(lane, next_turn, now, now)
  else
    redis.call('ZREM', lane.busy, lane.list)
    redis.call('EXPIRE', lane.state, IDLE_TTL_S)
  end
  return true
end
