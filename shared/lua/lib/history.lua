-- lib/history.lua: what is remembered of a conversation, written in the step that makes it true. Included by other scripts,
-- behind lanes, never run alone.
--
-- A list of msgpack `HistoryLine`s, oldest first, and the field `forgotten` of the conversation's hash: how many lines went
-- before them. Only the commit of a current turn comes here (hand_over.lua), so a worker that lost its turn adds nothing. Two
-- stages add lines: the agent's (what the person and the agent said) and the format stage's (what others sent through the
-- API). Only the agent's drops some by number, and from the head, so a line that the other adds meanwhile stays.
--
-- A crash leaves all of a turn's lines or none. The list's lifetime starts afresh with each line.

-- From ARGV[arg] on: how many of the oldest lines to drop (-1: all, the history starts afresh); how many lines are forgotten
-- by that (more than are dropped, if a turn said more than is kept of it); most lines that may be kept; lifetime in ms; new
-- lines (none: with -1, forget all). `forgotten`: whether the conversation's hash has that field.
local function remember(key, state, arg, forgotten)
  local drop, lost, most, ttl_ms = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2]), ARGV[arg + 3]
  if drop < 0 then redis.call('DEL', key) elseif drop > 0 then redis.call('LTRIM', key, drop, -1) end
  local added = #ARGV - arg - 3
  local length = added > 0 and push(key, ARGV, arg + 4, #ARGV) or 0
  -- A list that is empty although nobody emptied it has expired, and what went before it with it.
  if forgotten and (drop < 0 or (drop == 0 and added > 0 and length == added)) then
    redis.call('HDEL', state, 'forgotten')
  end
  if length > most then
    redis.call('LTRIM', key, length - most, -1)
    lost = lost + length - most
  end
  if lost > 0 then redis.call('HINCRBY', state, 'forgotten', lost) end
  if added > 0 then redis.call('PEXPIRE', key, ttl_ms) end
end
