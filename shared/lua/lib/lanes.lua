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
-- Quiet time. With a delay (`agent.debounceMs`) an idle lane's first record is due that much later, and each further one puts
-- the turn off again, so that a thought in three texts is one turn; but never beyond five delays after the first. The field
-- `<stage>:window` = "turn opened due" holds the turn that gathers, when its first record came and when it is due:
--
--   no window   nothing gathers.                -> open: the first record of an idle lane, or one that comes while a turn runs
--   open        its turn waits, and the job's score is `due`.   -> open, with a later due: a record comes.  -> no window: the
--               turn ends (`advance`)
--   next        its turn is the next one; the current one runs, or waits for another reason (a retry).   -> next, with a
--               later due: a record comes.  -> open: the current turn ends and leaves records.  -> no window: it leaves none
--
-- The score alone tells whether the current turn was claimed: a claim moves it to the end of its lease, a put-off to a time of
-- its own, and then no text moves it any more. A job that is due already is left alone: it is about to be claimed.
--
-- Turn numbers start at Redis' clock in ms, so they never repeat for a conversation, even after its hash has expired
-- or was erased: agents use conversation and turn as an idempotency key.
--
-- What it costs: under load Redis spends its time on calls from Lua, not on what they do. So the hash is read once and
-- written once for each step, and nothing is written that stands already.

local IDLE_TTL_S = 30 * 24 * 3600

-- Five KEYS from `key` (see LaneKeys) and two ARGV from `arg`: the stage's name and its job payload.
local function lane_at(key, arg)
  return {
    list = KEYS[key], state = KEYS[key + 1], queue = KEYS[key + 2], bell = KEYS[key + 3], busy = KEYS[key + 4],
    stage = ARGV[arg], payload = ARGV[arg + 1],
  }
end

-- Another lane of the same conversation: three KEYS (list, queue, bell) and two ARGV.
local function lane_beside(lane, key, arg)
  return {
    list = KEYS[key], state = lane.state, queue = KEYS[key + 1], bell = KEYS[key + 2], busy = lane.busy,
    stage = ARGV[arg], payload = ARGV[arg + 1],
  }
end

-- `lane.turn` is set by a script that has seen to it in a read and a write of its own.
local function current_turn(lane, now)
  local turn = lane.turn or redis.call('HGET', lane.state, lane.stage)
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

-- Push from[first..last] to the end of a list; the list's length.
local function push(list, from, first, last)
  local length = 0
  for i = first, last, PUSH_AT_ONCE do
    length = redis.call('RPUSH', list, unpack(from, i, math.min(i + PUSH_AT_ONCE - 1, last)))
  end
  return length
end

local MOST_DELAYS = 5

-- The turn that gathers, when it opened, when it is due; nothing without a window.
local function parse_window(window)
  if not window then return end
  local turn, opened, due = string.match(window, '^(%d+) (%d+) (%d+)$')
  return turn, tonumber(opened), tonumber(due)
end

local function gather(lane, turn, opened, now, delay_ms)
  local due = math.min(now + delay_ms, opened + MOST_DELAYS * delay_ms)
  redis.call('HSET', lane.state, lane.stage .. ':window', string.format('%s %.0f %.0f', turn, opened, due))
  return due
end

-- A record has come to a busy lane: put off the turn that it will belong to.
local function put_off(lane, now, delay_ms)
  local turn = current_turn(lane, now)
  local gathering, opened, due = parse_window(redis.call('HGET', lane.state, lane.stage .. ':window'))
  local job = lane.list .. ':' .. turn
  if gathering == turn and tonumber(redis.call('ZSCORE', lane.queue, job) or '0') == due then
    if due > now then redis.call('ZADD', lane.queue, 'XX', gather(lane, turn, opened, now, delay_ms), job) end
    return
  end
  local next_turn = string.format('%.0f', turn + 1)
  -- A window that has passed may be about records that the current turn took when it was claimed again.
  gather(lane, next_turn, gathering == next_turn and due > now and opened or now, now, delay_ms)
end

-- Append at least one record. With `delay_ms` the turn that takes them waits for quiet.
local function append_range(lane, from, first, last, now, delay_ms)
  local length = push(lane.list, from, first, last)
  redis.call('PERSIST', lane.state) -- another lane of the conversation may just have fallen idle
  delay_ms = delay_ms or 0
  if length == last - first + 1 then
    local turn = current_turn(lane, now)
    start_turn(lane, turn, now, delay_ms > 0 and gather(lane, turn, now, now, delay_ms) or now)
  elseif delay_ms > 0 then
    put_off(lane, now, delay_ms)
  end
  return length
end

-- Append ARGV[first..last].
local function append(lane, first, last, now, delay_ms)
  return append_range(lane, ARGV, first, last, now, delay_ms)
end

-- What `advance` has to know of the hash: the lane's turn and window, and whether the turn has failed or was put off. Behind
-- them the fields that the script asks for besides.
local function look_at(lane, ...)
  local stage = lane.stage
  return redis.call('HMGET', lane.state, stage, stage .. ':window', stage .. ':failures', stage .. ':last', ...)
end

local NOTHING = {}

-- True if `turn` was current and its first `n` records are gone now. Frees memory before it takes any, so that a full
-- Redis can drain: Redis refuses a script whose first write needs memory, and lets later ones pass.
-- A script that goes on to another lane of the conversation may give `known`, from `look_at`; `also`, fields and values for
-- the same write; and `goes_on`: that lane gets records now, so the hash needs no lifetime.
local function advance(lane, turn, n, now, known, also, goes_on)
  known = known or look_at(lane)
  if known[1] ~= turn then return false end
  local stage, list = lane.stage, lane.list
  local busy, job = redis.call('LLEN', list) > n, list .. ':' .. turn
  if busy then
    redis.call('LTRIM', list, n, -1)
    finish_job(lane.queue, job)
  else
    finish_job(lane.queue, job, list)
  end
  if known[3] or known[4] then -- each failure writes both, a put-off the second; none is there without one of them
    redis.call('HDEL', lane.state, stage .. ':failures', stage .. ':failing_ms', stage .. ':story', stage .. ':last')
  end
  local next_turn = string.format('%.0f', turn + 1)
  redis.call('HSET', lane.state, stage, next_turn, unpack(also or NOTHING))
  local gathering, _, due = parse_window(known[2])
  local waits = busy and gathering == next_turn and due > now
  if gathering and not waits then redis.call('HDEL', lane.state, stage .. ':window') end
  if busy then
    start_turn(lane, next_turn, now, waits and due or now)
  else
    redis.call('ZREM', lane.busy, list)
    if not goes_on then redis.call('EXPIRE', lane.state, IDLE_TTL_S) end
  end
  return true
end
