-- retry_letter.lua: put a dead letter's records back at the end of the lane they came from, as one block, with the same ids.
-- include: jobs lanes
--
-- What becomes of each part of the letter:
--   accepted (a callback came meanwhile)   stays; its turn finds that and sends nothing.
--   may be with Twilio (see bury.lua)      dispatching, with the time of its old journal entry and without a lifetime: its turn
--                                          finds it in doubt, looks at Twilio, and sends it only if it is not there.
--   certainly not sent                     waiting. It reserves its place in both paces anew.
-- Each but the first is marked as retried: whoever retries it wants it sent, however old it is.
-- A letter without notes was buried by an older version: then any journal entry counts as doubt.
--
-- What a crash leaves: before this script the letter is dead, after it its records wait in their lane. Two operators at once,
-- or one whose answer got lost: the letter is gone the second time, 0. A retry and a drop at once: whichever comes first.
--
-- KEYS: 1-5 the lane; 6 dead; 7 dead letter; 8 its notes; 9.. its parts.
-- ARGV: 1 stage, 2 payload; 3 letter id; 4 the letter as it was read; 5 lifetime of a part in ms; 6 number of records;
--       7.. the records, then the ids of the parts.
-- Returns 1, or 0 if the letter is no longer there and nothing was done.
-- Atomic because the records must be either among the dead letters or in their lane, and no part may be sent in between.
if redis.call('GET', KEYS[7]) ~= ARGV[4] then return 0 end
local last, now = 6 + tonumber(ARGV[6]), now_ms()
local announced = {}
for i = 9, #KEYS do
  announced[i] = redis.call('HGET', KEYS[8], ARGV[last + i - 8]) or redis.call('HGET', KEYS[i], 'journaled_ms') or ''
end
redis.call('DEL', KEYS[7], KEYS[8])
redis.call('ZREM', KEYS[6], ARGV[3])
for i = 9, #KEYS do
  local state = redis.call('HGET', KEYS[i], 'state')
  if state ~= 'accepted' then
    redis.call('HDEL', KEYS[i], 'start_ms', 'account_start_ms')
    redis.call('HSET', KEYS[i], 'retried_ms', string.format('%.0f', now))
    if announced[i] ~= '' then
      redis.call('HSET', KEYS[i], 'state', 'dispatching', 'journaled_ms', announced[i])
      redis.call('PERSIST', KEYS[i]) -- a doubt must not be forgotten while its part waits
    else
      redis.call('HSET', KEYS[i], 'state', 'waiting')
      redis.call('PEXPIRE', KEYS[i], ARGV[5])
    end
  end
end
append(lane_at(1, 1), 7, last, now)
return 1
