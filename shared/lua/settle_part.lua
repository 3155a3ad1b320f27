-- settle_part.lua: Twilio has the part: keep its SID and go on to the lane's next one.
-- include: jobs lanes
--
-- KEYS: 1-5 outbound lane; 6 part; 7 sid; 8 awaiting.
-- ARGV: 1 stage, 2 payload; 3 turn; 4 part id; 5 sid; 6 status; 7 rank of the status; 8 lifetime of the part in ms; 9 rank from
--       which a status is final; 10 ms until Twilio is asked for the end if no callback tells it (0: never); 11 when its reply was
--       written, 12 when the text that it answers was received, or empty.
-- Returns 1; 0 if another worker settled this turn (the SID is kept all the same, since it is true); 'sid_taken' if this
-- message already carries another part (nothing was done).
-- Atomic because a part must leave its lane exactly when its SID is known, and a SID may be claimed by one part only.
local now = now_ms()
local owner = redis.call('GET', KEYS[7])
if owner and owner ~= ARGV[4] then return 'sid_taken' end
local advanced = advance(lane_at(1, 1), ARGV[3], 1, now)
redis.call('SET', KEYS[7], ARGV[4], 'PX', ARGV[8])
-- A callback may have come before the answer: never step back from what it said.
local told = redis.call('HMGET', KEYS[6], 'rank', 'accepted_ms')
local rank, fields = tonumber(told[1] or '-1'), {'state', 'accepted', 'sid', ARGV[5], 'created_ms', ARGV[11]}
local function set(field, value) fields[#fields + 1], fields[#fields + 2] = field, value end
if tonumber(ARGV[7]) > rank then
  set('status', ARGV[6])
  set('rank', ARGV[7])
end
if ARGV[12] ~= '' then set('received_ms', ARGV[12]) end
if not told[2] then set('accepted_ms', string.format('%.0f', now)) end
redis.call('HSET', KEYS[6], unpack(fields))
redis.call('PEXPIRE', KEYS[6], ARGV[8])
if ARGV[10] ~= '0' and math.max(rank, tonumber(ARGV[7])) < tonumber(ARGV[9]) then
  redis.call('ZADD', KEYS[8], 'NX', string.format('%.0f', now + tonumber(ARGV[10])), ARGV[4])
end
return advanced and 1 or 0
