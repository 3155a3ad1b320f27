-- dispatch_part.lua: may this part be sent now? If so, journal that it is about to be.
--
-- States of a part (field `state` of its hash; no hash: it waits in its lane and was never tried):
--   dispatching   no lifetime. A worker has announced the request (fields attempt, journaled_ms). Only that attempt may post. Anyone else
--                 finds it in doubt: Twilio may or may not have it.      -> accepted (answer, callback, or found in
--                 Twilio's log), -> waiting (certainly not processed), -> dispatching by another attempt (not found in the
--                 log after the grace period)
--   waiting       certainly not with Twilio; the lane's job will try again.
--   accepted      Twilio has it as `sid`; `status` follows the callbacks. The lane drops it at the next look.
--   dead          given up; its doubt is kept in dead:<id>:notes.   -> waiting or dispatching (retry_letter.lua), -> accepted
--                 (a callback)
--
-- KEYS: 1 conversation; 2 part; 3 paused; 4 opted out; 5 pace of the sender; 6 hold of the conversation at this stage; 7 pace of
--       the Twilio account; 8 segments of the account's day, only with a cap.
-- ARGV: 1 stage; 2 turn; 3 attempt; 4 the person who gets it; 5 segments; 6 segments per second (0: any); 7 lifetime of the part in ms;
--       8 journaled_ms of the attempt that was looked for in vain, or empty; 9 account; 10 conversation id;
--       11 ms of the STOP that this part confirms, or empty; 12 ms after which it is not worth sending any more, or empty (never for a
--       part that an operator has retried); 13, 14 the quiet stretch that it must keep to, from and until in ms, or empty; 15 segments
--       per second of the Twilio account (0: any); 16 the sender, kept so that a part in doubt is looked for under the one that sent
--       it, whatever is configured by then; 17 when the text was received that this part answers, in ms, or empty;
--       18 segments that the account may send a day (0: any); 19 the day, 20 ms at which it ends.
-- Returns {verdict, detail}: fenced; paused, pause record; accepted, sid; in_doubt, "journaled_ms age_ms"; opted_out; too_old; wait, ms;
-- capped, ms until the day ends;
-- quiet, ms until which it is to be held: the end of the stretch, or 0 if messages held for this person are due and go before it;
-- go, "ms of the journal entry" and behind a blank why Twilio refused its media, if it did.
-- Atomic because opt-out, pause and pace must hold at the very moment of the journal entry.
-- One confirmation of a STOP may follow it within five minutes. Source: 47 CFR 64.1200(a)(12).
local CONFIRM_WITHIN_MS = 5 * 60 * 1000
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'fenced', ''} end
-- A write that takes no memory comes first: a full Redis refuses a script whose first write takes some, and it drains only if
-- parts go out. (The lane is busy, so its conversation has no lifetime anyway.)
redis.call('PERSIST', KEYS[1])

local part = redis.call('HMGET', KEYS[2], 'state', 'attempt', 'journaled_ms', 'sid', 'start_ms', 'media_refused', 'retried_ms',
  'account_start_ms', 'counted_day', 'capped_until_ms')
if part[1] == 'accepted' then return {'accepted', part[4]} end
local mine = part[2] == ARGV[3]
if part[1] == 'dispatching' and not mine and part[3] ~= ARGV[8] then
  return {'in_doubt', part[3] .. ' ' .. string.format('%.0f', now - tonumber(part[3]))}
end

local pause = redis.call('GET', KEYS[3])
if pause then
  redis.call('HDEL', KEYS[1], ARGV[1] .. ':failing_ms') -- see fail.lua
  return {'paused', pause}
end
local confirms = ARGV[11] ~= '' and now - tonumber(ARGV[11]) < CONFIRM_WITHIN_MS
if not confirms and redis.call('HEXISTS', KEYS[4], ARGV[4]) == 1 then return {'opted_out', ''} end
if ARGV[12] ~= '' and now > tonumber(ARGV[12]) and not part[7] then return {'too_old', ''} end
if ARGV[13] ~= '' then
  if now >= tonumber(ARGV[13]) and now < tonumber(ARGV[14]) then return {'quiet', ARGV[14]} end
  local first = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')
  if first[2] and tonumber(first[2]) <= now then return {'quiet', '0'} end
end

local has_hash = part[1] -- every script that writes the hash sets its state

-- The day's segments: counted once for each part and day, before it takes a place in the pace. A part that is larger than the
-- cap goes first on its day, or it would never go. One that is counted and then given up stays counted.
local cap, day = tonumber(ARGV[18]), ARGV[19]
if cap > 0 and part[9] ~= day then
  local used = tonumber(redis.call('GET', KEYS[8]) or '0')
  local capped = used > 0 and used + tonumber(ARGV[5]) > cap
  if capped then
    redis.call('HDEL', KEYS[1], ARGV[1] .. ':failing_ms') -- as for a pause
    redis.call('HSET', KEYS[2], 'capped_until_ms', ARGV[20])
  else
    redis.call('INCRBY', KEYS[8], ARGV[5])
    redis.call('PEXPIREAT', KEYS[8], ARGV[20])
    redis.call('HSET', KEYS[2], 'counted_day', day)
    if part[10] then redis.call('HDEL', KEYS[2], 'capped_until_ms') end
  end
  if part[1] ~= 'dispatching' then -- that is a doubt, and stays one until the part goes
    redis.call('HSET', KEYS[2], 'state', 'waiting')
    redis.call('PEXPIRE', KEYS[2], ARGV[7])
    has_hash = true
  end
  if capped then return {'capped', string.format('%.0f', math.max(tonumber(ARGV[20]) - now, 0))} end
end

-- A reservation with debt: a part of any size may start once the sender's time has come, and pays afterwards. The
-- start is kept with the part, so waiting, crashing and coming again never pays twice. Places are given in the order in which
-- parts ask, one to a conversation at a time, so nobody starves.
local fields = {}
local function set(field, value) fields[#fields + 1], fields[#fields + 2] = field, value end

local function start_of(pace, rate, field, kept)
  if rate == 0 or kept then return tonumber(kept) end
  local start = math.max(now, tonumber(redis.call('GET', pace) or '0'))
  local cost = math.ceil(tonumber(ARGV[5]) * 1000 / rate)
  redis.call('SET', pace, string.format('%.0f', start + cost), 'PX', start + cost - now + 1000)
  set(field, string.format('%.0f', start))
  return start
end

local function wait_for(start)
  if #fields > 0 then
    redis.call('HSET', KEYS[2], 'state', 'waiting', unpack(fields))
    redis.call('PEXPIRE', KEYS[2], ARGV[7])
  end
  return {'wait', string.format('%.0f', start - now)}
end

local start = start_of(KEYS[5], tonumber(ARGV[6]), 'start_ms', part[5])
if start and start > now then return wait_for(start) end
-- Only now: the account's place is taken when the sender's has come. Taken together, a slow sender with a long queue would book
-- the whole account for as long as it waits, and leave it unused.
start = start_of(KEYS[7], tonumber(ARGV[15]), 'account_start_ms', part[8])
if start and start > now then return wait_for(start) end

if part[10] then redis.call('HDEL', KEYS[2], 'capped_until_ms') end -- also if the cap was lifted meanwhile
local stamp = string.format('%.0f', now)
if ARGV[17] ~= '' then set('received_ms', ARGV[17]) end
redis.call('HSET', KEYS[2], 'state', 'dispatching', 'attempt', ARGV[3], 'journaled_ms', stamp,
  'account', ARGV[9], 'conversation', ARGV[10], 'segments', ARGV[5], 'sender', ARGV[16], unpack(fields))
-- A doubt must not be forgotten while its part waits, however long. A hash that has just been made has no lifetime yet.
if has_hash then redis.call('PERSIST', KEYS[2]) end
return {'go', stamp .. ' ' .. (part[6] or '')}
