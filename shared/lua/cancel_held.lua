-- cancel_held.lua: a message that is still held will not be sent.
-- include: jobs lanes holds
--
-- KEYS: 1-5 the lane that it would have joined; 6-8 its hold; 9 message; 10.. its parts, if it waits as parts.
-- ARGV: 1 stage, 2 job payload; 3 payload of the job that wakes the hold; 4 member of the hold; 5 account; 6 conversation;
--       7 lifetime of the message's record in ms.
-- Returns 'canceled', also if it was so before (a call that is sent again after a lost reply must hear the same); 'gone' (it has
-- joined its lane); 'sent' (Twilio has a part of it, or may have). The last two change nothing. Atomic because its time may come at the same moment: it is canceled or it joins, never both.
for i = 10, #KEYS do
  local state = redis.call('HGET', KEYS[i], 'state')
  if state == 'dispatching' or state == 'accepted' then return 'sent' end
end
local hold = hold_at(6, lane_at(1, 1), ARGV[3])
if redis.call('ZREM', hold.set, ARGV[4]) == 0 then
  return redis.call('HEXISTS', KEYS[9], 'canceled_ms') == 1 and 'canceled' or 'gone'
end
redis.call('DEL', entry_of(hold, ARGV[4]), unpack(KEYS, 10))
redis.call('HSET', KEYS[9], 'account', ARGV[5], 'conversation', ARGV[6], 'canceled_ms', string.format('%.0f', now_ms()))
redis.call('PEXPIRE', KEYS[9], ARGV[7])
mend(hold)
return 'canceled'
