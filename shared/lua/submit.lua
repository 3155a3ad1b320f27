-- submit.lua: take a reply from the API: once for each idempotency key, and not for a person who has opted out. It joins its
-- lane now, or is held until its time (lib/holds.lua).
-- include: jobs lanes holds
--
-- States of an idempotency key:
--   unused   no hash                -> kept, in the step that puts the reply into its lane or its hold
--   kept     the hash holds the fingerprint of the body and what was answered; nobody changes it -> unused after 24 hours
-- The record of a turn (see open_turn.lua) serves as such a key for its answer: it must be there, and not be closed; it keeps
-- the lifetime that it has.
-- Refusals keep nothing: the key is as unused as before, so the same request may be repeated when its cause is gone.
--
-- A crash leaves either nothing (the caller got no answer and repeats: a first time) or all of it (the caller repeats: the
-- answer of before). Of twenty callers with one key at once, over any number of replicas, the first appends and the others
-- find what it kept. A request without a key may still arrive twice, when the connection to Redis broke and the client sent
-- it again: its message record tells.
--
-- KEYS: 1-5 format lane; 6 message; 7 opted out; 8 paused; 9-11 hold; 12 idempotency, or the turn (only if the caller
--       named one).
-- ARGV: 1 stage, 2 payload; 3 reply; 4 recipient; 5 message id; 6 account; 7 conversation; 8 ms of creation;
--       9 lifetime of the message record in ms; 10 fingerprint of the body; 11 lifetime of the idempotency record in ms, ""
--       for a turn; 12 the person, whatever the channel; 13 ms at which it is to join its lane, empty: now; 14 payload of the job that wakes the
--       hold; 15 "1" if that time has passed.
-- Returns {verdict, message id, account, conversation, ms of creation, "1" if the account was paused else "0", ms of 13 or ''} of the
-- reply that stands. Verdicts: queued; replayed (nothing was done); conflict (the key belongs to another body: nothing was done);
-- past, opted_out, turn_unknown, turn_closed (nothing was done). A repetition is told apart first: its time may have passed since the first.
-- Atomic because between looking for the key and appending another replica could append.
local id = ARGV[5]
local FIELDS = {'fingerprint', 'message', 'account', 'conversation', 'created_ms', 'paused', 'due_ms'}

local function answer(verdict, paused) return {verdict, id, ARGV[6], ARGV[7], ARGV[8], paused, ARGV[13]} end

if KEYS[12] then
  local kept = redis.call('HMGET', KEYS[12], unpack(FIELDS))
  if kept[1] and kept[1] ~= ARGV[10] then return answer('conflict', '0') end
  if ARGV[11] == '' and redis.call('EXISTS', KEYS[12]) == 0 then return answer('turn_unknown', '0') end
  if ARGV[11] == '' and redis.call('HEXISTS', KEYS[12], 'closed') == 1 then return answer('turn_closed', '0') end
  if kept[1] then
    -- Written again so that WAITAOF and WAIT, which speak for this connection's own writes, cover it.
    redis.call('HSET', KEYS[12], 'fingerprint', kept[1])
    return {kept[2] == id and 'queued' or 'replayed', unpack(kept, 2)}
  end
end
local paused = tostring(redis.call('EXISTS', KEYS[8]))
if redis.call('EXISTS', KEYS[6]) == 1 then
  redis.call('HSET', KEYS[6], 'created_ms', ARGV[8])
  return answer('queued', paused)
end
if ARGV[15] == '1' then return answer('past', paused) end
if redis.call('HEXISTS', KEYS[7], ARGV[12]) == 1 then return answer('opted_out', paused) end

redis.call('HSET', KEYS[6], 'account', ARGV[6], 'conversation', ARGV[7], 'created_ms', ARGV[8])
redis.call('PEXPIRE', KEYS[6], ARGV[9])
if KEYS[12] then
  redis.call('HSET', KEYS[12], 'fingerprint', ARGV[10], 'message', id, 'account', ARGV[6], 'conversation', ARGV[7],
    'created_ms', ARGV[8], 'paused', paused, 'due_ms', ARGV[13])
  if ARGV[11] ~= '' then redis.call('PEXPIRE', KEYS[12], ARGV[11]) end
end
local lane = lane_at(1, 1)
local known = redis.call('EXISTS', lane.state) == 1
redis.call('HSET', lane.state, 'account', ARGV[6], 'peer', ARGV[4])
if ARGV[13] == '' then
  append(lane, 3, 3, now_ms())
else
  hold_records(hold_at(9, lane, ARGV[14]), id, {ARGV[3]}, ARGV[13])
  if not known then redis.call('PEXPIRE', lane.state, ARGV[9]) end -- no lane is busy, so none will give it a lifetime
end
return answer('queued', paused)
