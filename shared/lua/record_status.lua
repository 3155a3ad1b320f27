-- record_status.lua: a delivery callback of Twilio's about one of our parts.
--
-- KEYS: 1 part; 2 sid; 3 awaiting.
-- ARGV: 1 part id; 2 sid; 3 status; 4 rank of the status; 5 error code or empty; 6 lifetime of the part in ms; 7 rank from which
--       a status is final; 8 the carrier's own time (RawDlrDoneDate) or empty; 9 the account that it came by, or empty.
-- Returns {outcome, received_ms of the part or empty}: 'recorded', 'stale' (an earlier status that came late, or a repetition),
-- 'contradiction', or 'unknown' (no such part, a part of another account, or the message carries another part).
-- A final status ends the wait for one (take_awaiting.lua). A callback proves that Twilio has the part: it settles one that is in
-- doubt, before any answer came.
-- Atomic because callbacks overtake each other, and the answer to the request.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'unknown', ''} end
local owner = redis.call('GET', KEYS[2])
local part = redis.call('HMGET', KEYS[1], 'sid', 'rank', 'account')
if (owner and owner ~= ARGV[1]) or (part[1] and part[1] ~= ARGV[2]) then return {'unknown', ''} end
if ARGV[9] ~= '' and part[3] and part[3] ~= ARGV[9] then return {'unknown', ''} end
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
    return {'contradiction', ''}
  end
  return {'stale', ''}
end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'rank', ARGV[4], 'status_ms', now, 'at:' .. ARGV[3], now)
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'error_code', ARGV[5]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'carrier_time', ARGV[8]) end
if tonumber(ARGV[4]) >= tonumber(ARGV[7]) then redis.call('ZREM', KEYS[3], ARGV[1]) end
return {'recorded', redis.call('HGET', KEYS[1], 'received_ms') or ''}
