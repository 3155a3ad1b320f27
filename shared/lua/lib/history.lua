-- lib/history.lua: what is remembered of a conversation, written in the step that makes it true. Included by other scripts,
-- behind lanes, never run alone.
--
-- A list of msgpack `HistoryLine`s, oldest first, and the field `forgotten` of the conversation's hash: how many lines went
-- before them. Only the commit of a current turn comes here (hand_over.lua), so a worker that lost its turn adds nothing. Two
-- stages add lines: the agent's (what the person and the agent said) and the format stage's (what others sent through the
-- API). Only the agent's drops some by number, and from the head, so a line that the other adds meanwhile stays.
--
-- A crash leaves all of a turn's lines or none. The list's lifetime starts afresh with each line.

-- From ARGV[arg] on: how many of the oldest lines to drop (-1: all, the history starts afresh), most lines that may be kept,
-- lifetime in ms, new lines (none: with -1, forget all).
local function remember(key, state, arg)
  local drop, most, ttl_ms = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1]), ARGV[arg + 2]
  if drop < 0 then
    redis.call('DEL', key)
    redis.call('HDEL', state, 'forgotten')
    drop = 0
  elseif drop > 0 then
    redis.call('LTRIM', key, drop, -1)
  end
  local added = #ARGV - arg - 2
  if added == 0 then return end
  local length = push(key, arg + 3, #ARGV)
  if length == added and drop == 0 then redis.call('HDEL', state, 'forgotten') end -- the list had expired
  local over = length - most
  if over > 0 then
    redis.call('LTRIM', key, over, -1)
    drop = drop + over
  end
  if drop > 0 then redis.call('HINCRBY', state, 'forgotten', drop) end
  redis.call('PEXPIRE', key, ttl_ms)
end
