-- close_turn.lua: the turn itself is about to say something; the API takes no answer for it from now on.
--
-- States: see open_turn.lua.
--
-- KEYS: 1 the conversation's state; 2 the turn's record.   ARGV: 1 stage, 2 turn.
-- Returns "closed", "answered" if an answer came by the API (then the turn says nothing), or "fenced".
-- Atomic because between looking and closing the API could take an answer: the person would get two.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 'fenced' end
if redis.call('HEXISTS', KEYS[2], 'fingerprint') == 1 then return 'answered' end
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], 'closed', '1') end
return 'closed'
