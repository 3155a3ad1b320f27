-- admit.lua: everything that is decided about one inbound message, and its storing, in one step.
-- include: jobs lanes optout guard
--
-- KEYS: 1 seen; 2-6 agent lane; 7-11 format lane; 12 approved; 13 opted out; 14 pairing:sender; 15 pairing:code;
--       16 pairing:pending; 17 rate of the sender; 18 rate of the account; 19 trail of the person's opt-outs;
--       20 texts of the day; 21-25 the owner's format lane, only with a notice to the owner.
-- ARGV: 1 stage, 2 payload (agent); 3 stage, 4 payload (format); 5 sender; 6 policy; 7 "1" if allowFrom names the sender,
--       "blocked" if blockFrom does; 8 record; 9 keyword (stop, start, help or empty); 10, 11 texts a minute of the sender, of the account (0: any);
--       12 code; 13 pairing request; 14 pairing reply or empty; 15 pending requests allowed (0: any); 16 lifetime of a request in ms;
--       17 debounce in ms; 18 the change of opt-out, for stop and start; 19 conversation id; 20 how long a message is remembered, in ms;
--       21 account; 22 the person, whatever the channel; 23 answer to the keyword, or empty: Twilio gives it;
--       24-28 as `guard` in lib/guard.lua takes them; 29 notice to the owner (a reply) or empty; 30 owner.
-- Returns {verdict, earlier verdict of a duplicate or ''}. `code_taken` means: nothing was stored, come again with
-- another code.
--
-- Order (each step sees only what the one before let through): duplicate, opt-out, block list, rate limit, policy,
-- guards. Two replicas that receive one message at once, ten texts of one stranger, an approval in between: each finds what the one before left,
-- because all of it is one script. The verdict is stored with the message, so a repeated webhook changes nothing.
local MINUTE_MS = 60000
local GUARD_KEY, OWNER_KEY, GUARD, OWNER = 20, 21, 24, 29
local sender, now = ARGV[5], now_ms()

local function over(key, limit)
  if limit == 0 then return false end
  local n = redis.call('INCR', key)
  if n == 1 then redis.call('PEXPIRE', key, MINUTE_MS) end
  return n > limit
end

local function limited()
  return over(KEYS[17], tonumber(ARGV[10])) or over(KEYS[18], tonumber(ARGV[11]))
end

-- What is recorded is recorded under every policy and limit; only the SMS that costs money keeps to them.
local function answer_keyword(policy)
  if ARGV[23] ~= '' and policy ~= 'disabled' and not limited() then append(lane_at(7, 3), 23, 23, now) end
end

local function request_pairing()
  if redis.call('EXISTS', KEYS[14]) == 1 then return 'pairing_pending' end
  redis.call('ZREMRANGEBYSCORE', KEYS[16], '-inf', now)
  local most = tonumber(ARGV[15])
  if most > 0 and redis.call('ZCARD', KEYS[16]) >= most then return 'pairing_full' end
  if redis.call('EXISTS', KEYS[15]) == 1 then return 'code_taken' end
  local code, ttl = ARGV[12], tonumber(ARGV[16])
  redis.call('SET', KEYS[14], code, 'PX', ttl)
  redis.call('SET', KEYS[15], ARGV[13], 'PX', ttl)
  redis.call('ZADD', KEYS[16], now + ttl, code)
  redis.call('PEXPIRE', KEYS[16], ttl)
  if ARGV[14] ~= '' then append(lane_at(7, 3), 14, 14, now) end
  if ARGV[OWNER] ~= '' then
    local owner = lane_at(OWNER_KEY, 3)
    redis.call('HSET', owner.state, 'account', ARGV[21], 'peer', ARGV[OWNER + 1])
    append(owner, OWNER, OWNER, now)
  end
  return 'pairing_requested'
end

local function decide()
  local keyword, person, policy = ARGV[9], ARGV[22], ARGV[6]
  if keyword == 'stop' then
    if opt_out(KEYS[13], KEYS[19], person, ARGV[18]) then answer_keyword(policy) end
    return 'opt_out'
  end
  if keyword == 'start' and opt_in(KEYS[13], KEYS[19], person, ARGV[18]) then
    answer_keyword(policy)
    return 'opt_in'
  end
  if redis.call('HEXISTS', KEYS[13], person) == 1 then return 'opted_out' end
  if ARGV[7] == 'blocked' then return 'blocked' end
  if keyword == 'help' then
    answer_keyword(policy)
    return 'help'
  end
  if limited() then return 'throttled' end
  if policy == 'disabled' then return 'disabled' end
  local known = policy == 'open' or ARGV[7] == '1' or redis.call('HEXISTS', KEYS[12], sender) == 1
  if not known then
    if policy == 'pairing' then return request_pairing() end
    return 'not_allowed'
  end
  local lane = lane_at(2, 1)
  local found = redis.call('HMGET', lane.state, 'replied_ms', 'rally', 'resting_ms', lane.stage, 'account')
  local refused = guard(lane, found, lane_at(7, 3), GUARD_KEY, GUARD, now)
  if refused then return refused end
  lane.turn = found[4] or string.format('%.0f', now)
  if not (found[4] and found[5]) then -- a conversation is of one account with one peer for ever
    redis.call('HSET', lane.state, 'account', ARGV[21], 'peer', sender, lane.stage, lane.turn)
  end
  append(lane, 8, 8, now, tonumber(ARGV[17]))
  return 'accepted'
end

local earlier = redis.call('GET', KEYS[1])
if earlier then
  -- Written again so that WAITAOF and WAIT, which speak for this connection's own writes, cover it.
  redis.call('SET', KEYS[1], earlier, 'KEEPTTL')
  return {'duplicate', earlier}
end
local verdict = decide()
if verdict ~= 'code_taken' then redis.call('SET', KEYS[1], verdict .. ' ' .. ARGV[19], 'PX', ARGV[20]) end
return {verdict, ''}
