-- record_status.lua: a delivery callback of Twilio's about one of our parts.
-- include: optout
--
-- KEYS: 1 part; 2 sid; 3 awaiting; 4 paused; 5 opted out; 6 trail of the person's opt-outs.
-- ARGV: 1 part id; 2 sid; 3 status; 4 rank of the status; 5 error code or empty; 6 lifetime of the part in ms; 7 rank from which
--       a status is final; 8 the carrier's own time (RawDlrDoneDate) or empty; 9 the account that it came by, or empty; 10 the pause
--       that the error code asks for, or empty; 11 the person and 12 the change that opts them out, or empty.
-- Returns {outcome, received_ms of the part or empty, 1 if this paused the account else 0, 1 if it opted the person out else 0}.
-- Outcomes: 'recorded', 'stale' (an earlier status that came late, or a repetition), 'contradiction', or 'unknown' (no such part, a
-- part of another account, or the message carries another part).
-- A final status ends the wait for one (take_awaiting.lua). A callback proves that Twilio has the part: it settles one that is in
-- doubt, before any answer came.
-- Atomic because callbacks overtake each other, and the answer to the request; and because what a failure means for the account or
-- the person is done only when it is recorded: after a crash in between, the repeated callback would be stale and change nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'unknown', '', 0, 0} end
local owner = redis.call('GET', KEYS[2])
local part = redis.call('HMGET', KEYS[1], 'sid', 'rank', 'account')
if (owner and owner ~= ARGV[1]) or (part[1] and part[1] ~= ARGV[2]) then return {'unknown', '', 0, 0} end
if ARGV[9] ~= '' and part[3] and part[3] ~= ARGV[9] then return {'unknown', '', 0, 0} end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[6])
redis.call('HSET', KEYS[1], 'state', 'accepted', 'sid', ARGV[2])
redis.call('HSETNX', KEYS[1], 'accepted_ms', now)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
-- Two different final states contradict each other: the first stands, the other is kept beside it and shown.
local known = redis.call('HGET', KEYS[1], 'status')
if tonumber(ARGV[4]) <= tonumber(part[2] or '-1') then
  if tonumber(ARGV[4]) >= tonumber(ARGV[7]) and known ~= ARGV[3] and part[2] == ARGV[4] then
    redis.call('HSET', KEYS[1], 'contradiction', ARGV[3], 'contradiction_code', ARGV[5])
    return {'contradiction', '', 0, 0}
  end
  -- A call that was sent again because its reply got lost hears that it has paused the account: somebody has to be told.
  local again = ARGV[10] ~= '' and redis.call('GET', KEYS[4]) == ARGV[10]
  return {'stale', '', again and 1 or 0, 0}
end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'rank', ARGV[4], 'status_ms', now, 'at:' .. ARGV[3], now)
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'error_code', ARGV[5]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'carrier_time', ARGV[8]) end
if tonumber(ARGV[4]) >= tonumber(ARGV[7]) then redis.call('ZREM', KEYS[3], ARGV[1]) end
-- The first cause of a pause stands, as in pause.lua.
local paused = ARGV[10] ~= '' and redis.call('SET', KEYS[4], ARGV[10], 'NX')
local opted_out = ARGV[12] ~= '' and opt_out(KEYS[5], KEYS[6], ARGV[11], ARGV[12])
return {'recorded', redis.call('HGET', KEYS[1], 'received_ms') or '', paused and 1 or 0, opted_out and 1 or 0}
