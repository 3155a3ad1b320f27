-- admit.lua: everything that is decided about one inbound message, and its storing, in one step.
-- include: jobs lanes optout guard
--
-- A call is short, or whole. What most texts need comes first, and a short call ends there: nothing is made and sent that
-- only a keyword or a word of ours needs. A guard that is off may be missing in it (see `guard` in lib/guard.lua).
--
-- KEYS: 1 seen; 2-6 agent lane; 7 approved; 8 opted out; 9 rate of the sender; 10 rate of the account;
--       11 texts of the day, if they are limited.
--       Whole: 11; 12 trail of the person's opt-outs; 13-15 format lane, beside the agent's; 16 pairing:sender;
--       17 pairing:pending; 18 pairing:code; 19-23 the owner's format lane, only with a notice to the owner.
-- ARGV: 1 stage, 2 payload (agent); 3 sender; 4 policy; 5 "1" if allowFrom names the sender, "blocked" if blockFrom does;
--       6 record; 7 keyword (stop, start, help or empty); 8, 9 texts a minute of the sender, of the account (0: any);
--       10 debounce in ms; 11 conversation id; 12 how long a message is remembered, in ms; 13 account; 14 the person,
--       whatever the channel; 15-18 as `guard` takes them.
--       Whole: 15-18; 19 stage, 20 payload (format); 21 the change of opt-out, for stop and start; 22 answer to the keyword, or
--       empty: Twilio gives it; 23 notice that the day is full, or empty; 24 code; 25 pairing request; 26 pairing reply or
--       empty; 27 pending requests allowed (0: any); 28 lifetime of a request in ms; 29 notice to the owner (a reply) or empty;
--       30 owner.
-- Returns {verdict, earlier verdict of a duplicate or ''}.
--
-- `more_needed` means: nothing was decided, come again with a whole call and another code. A short call gets it if we have
-- something to say: to a stranger under pairing, or with the first text too many of a day. A whole one, if its code is taken. It
-- leaves everything as it was: the text does not count for any limit and is not remembered. (The guard against loops
-- may have noted its round; the text that comes again is no second one.) The call that comes again decides all of it
-- anew: the owner may have approved meanwhile, the person may have texted STOP. Whoever dies in between has told Twilio
-- nothing, so Twilio posts again, or the text is caught up on.
--
-- Order (each step sees only what the one before let through): duplicate, opt-out, block list, rate limit, policy,
-- guards. Two replicas that receive one message at once, ten texts of one stranger, an approval in between: each finds what
-- the one before left, because all of it is one script. The verdict is stored with the message, so a repeated webhook
-- changes nothing.
local MINUTE_MS = 60000
local FORMAT = 19 -- the other positions of a whole call stand where they are used: out here each would cost every text
local agent, sender, now = lane_at(2, 1), ARGV[3], now_ms()

local function over(key, limit)
  if limit == '0' then return false end
  local n = redis.call('INCR', key)
  if n == 1 then redis.call('PEXPIRE', key, MINUTE_MS) end
  return n > tonumber(limit)
end

local function limited()
  return over(KEYS[9], ARGV[8]) or over(KEYS[10], ARGV[9])
end

-- Say ARGV[arg] to the person, if there are words for it.
local function say(arg)
  local FORMAT_LANE = 13
  if ARGV[arg] ~= '' then append(lane_beside(agent, FORMAT_LANE, FORMAT), arg, arg, now) end
end

-- What is recorded is recorded under every policy and limit; only the SMS that costs money keeps to them.
local function answer_keyword(policy)
  local ANSWER = 22
  if ARGV[ANSWER] ~= '' and policy ~= 'disabled' and not limited() then say(ANSWER) end
end

local function request_pairing()
  local OF_SENDER, PENDING, GIVEN, OWNER_LANE = 16, 17, 18, 19
  local CODE, REQUEST, INVITATION, MOST_PENDING, LIFETIME, NOTICE, OWNER = 24, 25, 26, 27, 28, 29, 30
  if not ARGV[CODE] then return 'more_needed' end
  if redis.call('EXISTS', KEYS[OF_SENDER]) == 1 then return 'pairing_pending' end
  local pending, most = KEYS[PENDING], tonumber(ARGV[MOST_PENDING])
  redis.call('ZREMRANGEBYSCORE', pending, '-inf', now)
  if most > 0 and redis.call('ZCARD', pending) >= most then return 'pairing_full' end
  if redis.call('EXISTS', KEYS[GIVEN]) == 1 then return 'more_needed' end
  local code, ttl = ARGV[CODE], tonumber(ARGV[LIFETIME])
  redis.call('SET', KEYS[OF_SENDER], code, 'PX', ttl)
  redis.call('SET', KEYS[GIVEN], ARGV[REQUEST], 'PX', ttl)
  redis.call('ZADD', pending, now + ttl, code)
  redis.call('PEXPIRE', pending, ttl)
  say(INVITATION)
  if ARGV[NOTICE] ~= '' then
    local owner = lane_at(OWNER_LANE, FORMAT)
    redis.call('HSET', owner.state, 'account', ARGV[13], 'peer', ARGV[OWNER])
    append(owner, NOTICE, NOTICE, now)
  end
  return 'pairing_requested'
end

local function decide()
  local keyword, person, policy = ARGV[7], ARGV[14], ARGV[4]
  local TRAIL, CHANGE = 12, 21
  if keyword == 'stop' then
    if opt_out(KEYS[8], KEYS[TRAIL], person, ARGV[CHANGE]) then answer_keyword(policy) end
    return 'opt_out'
  end
  if keyword == 'start' and opt_in(KEYS[8], KEYS[TRAIL], person, ARGV[CHANGE]) then
    answer_keyword(policy)
    return 'opt_in'
  end
  if redis.call('HEXISTS', KEYS[8], person) == 1 then return 'opted_out' end
  if ARGV[5] == 'blocked' then return 'blocked' end
  if keyword == 'help' then
    answer_keyword(policy)
    return 'help'
  end
  if limited() then return 'throttled' end
  if policy == 'disabled' then return 'disabled' end
  local known = policy == 'open' or ARGV[5] == '1' or redis.call('HEXISTS', KEYS[7], sender) == 1
  if not known then
    if policy == 'pairing' then return request_pairing() end
    return 'not_allowed'
  end
  local DAY, GUARDS, FULL = 11, 15, 23
  local found = redis.call('HMGET', agent.state, agent.stage, 'account', 'replied_ms', 'resting_ms')
  local refused, is_first = guard(agent.state, found[3], found[4], GUARDS, DAY, now)
  if is_first then
    if not ARGV[FULL] then
      redis.call('DECR', KEYS[DAY])
      return 'more_needed'
    end
    say(FULL)
  end
  if refused then return refused end
  agent.turn = found[1] or string.format('%.0f', now)
  if not (found[1] and found[2]) then -- a conversation is of one account with one peer for ever
    redis.call('HSET', agent.state, 'account', ARGV[13], 'peer', sender, agent.stage, agent.turn)
  end
  append(agent, 6, 6, now, tonumber(ARGV[10]))
  return 'accepted'
end

local earlier = redis.call('GET', KEYS[1])
if earlier then
  -- Written again so that WAITAOF and WAIT, which speak for this connection's own writes, cover it.
  redis.call('SET', KEYS[1], earlier, 'KEEPTTL')
  return {'duplicate', earlier}
end
local verdict = decide()
if verdict == 'more_needed' then
  for i, limit in ipairs({ARGV[8], ARGV[9]}) do
    if limit ~= '0' and redis.call('DECR', KEYS[8 + i]) == 0 then redis.call('DEL', KEYS[8 + i]) end
  end
else
  redis.call('SET', KEYS[1], verdict .. ' ' .. ARGV[11], 'PX', ARGV[12])
end
return {verdict, ''}
